"""What is wrong with bytes that are no JSON, where, and how to mend it, for the developer who sent them.

Looks at all bytes, so only on the way to a refusal. Not here: what can be saved of them (`salvage`).
"""

import codecs
import re

import msgspec

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # UTF-32's begin like one, or with NUL
_MALFORMED = re.compile(r"JSON is malformed: (?P<what>.*) \(byte (?P<place>\d+)\)", re.DOTALL)


def why(raw: bytes, error: Exception) -> str:
    """The rest of a sentence that begins with what they are not; `error` is what msgspec says of them."""
    if not raw.strip():
        return 'it is empty. Send JSON, such as {"type": "track", "userId": "42", "event": "Seen"}.'
    if raw.startswith(_UTF_16) or b"\0" in raw[:2]:
        return "it is in UTF-16 or UTF-32. Send it in UTF-8."
    if raw.startswith(codecs.BOM_UTF8):
        return "it begins with a byte order mark (the bytes EF BB BF). Send it without."
    try:
        raw.decode()
    except UnicodeDecodeError as wrong:
        return f"byte {wrong.start} (0x{raw[wrong.start]:02x}) is not UTF-8. Encode the JSON in UTF-8."
    if "truncated" in str(error):
        return f"its JSON ends too early, after {len(raw)} bytes. Send all of it, every bracket and quotation mark closed."
    if (found := _MALFORMED.fullmatch(str(error))) is not None:
        return f"its JSON has a fault at byte {found['place']}: {found['what']}."
    return str(error) if isinstance(error, msgspec.DecodeError) else "its JSON cannot be read."
