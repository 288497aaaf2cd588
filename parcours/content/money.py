"""Amounts of money, and numbers, as people read them: one way for messages and pages.

Not here: the filter of templates (`filters`), the reader's language (whoever asks).
"""

import re
from decimal import Decimal

SYMBOLS = {"EUR": "€", "GBP": "£", "USD": "$", "CHF": "CHF", "CAD": "CA$", "JPY": "¥"}
# ISO 4217: currencies whose smallest unit is not a hundredth.
_WHOLE = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
_FRENCH_DIGITS = str.maketrans({",": "\u202f", ".": ","})


_NUMBER = re.compile(r"-?\d{1,24}(?:\.\d{1,24})?")
_LARGEST = Decimal(10) ** 15
"""More than anybody ever paid, in any currency; and beyond it a float no longer knows its hundredths."""


def read_amount(value: object) -> Decimal | None:
    """The number that a value is, or that its text says; None for everything else, and for what is beyond reason."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    text = str(value).strip()
    if isinstance(value, str) and not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    return number if number.is_finite() and abs(number) < _LARGEST else None


def format_number(number: Decimal, language: str) -> str:
    """ "1 234,5" in French (narrow spaces between thousands), "1,234.5" in English."""
    digits = f"{abs(number).normalize():,f}"
    return ("−" if number < 0 else "") + (digits.translate(_FRENCH_DIGITS) if language == "fr" else digits)


def decimals(currency: str) -> int:
    """How many decimals amounts in a currency have."""
    code = currency.upper()
    return 0 if code in _WHOLE else 3 if code in _THOUSANDTHS else 2


def format_money(amount: Decimal, currency: str, language: str, *, is_short: bool = False) -> str:
    """ "49,90 €" in French (narrow spaces between thousands), "€49.90" in English; an unknown currency shows its code.

    Short is without cents, for a figure that is read at a glance.
    """
    symbol = SYMBOLS.get(currency.upper(), currency.upper())
    digits = f"{abs(amount):,.{0 if is_short else decimals(currency)}f}"
    sign = "−" if amount < 0 else ""
    if language == "fr":
        return f"{sign}{digits.translate(_FRENCH_DIGITS)}\u00a0{symbol}".rstrip()
    return f"{sign}{symbol}{'' if len(symbol) == 1 or symbol.endswith('$') else ' '}{digits}".strip()
