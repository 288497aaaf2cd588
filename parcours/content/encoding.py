"""Quoted-printable (RFC 2045, 6.7) of whole texts, and of texts whose fixed parts are encoded once.

Content prepares its bodies with it; `delivery.mime` encodes what comes unprepared. Not here: headers.
"""

from binascii import b2a_qp

SOFT_BREAK = b"=\r\n"


def quoted_printable(text: str) -> bytes:
    """Return UTF-8 quoted-printable with CRLF line ends: lines of at most 76 bytes, no trailing blanks,
    ASCII only.

    Every kind of line end becomes CRLF; NUL is dropped (no mail reader shows it); lone surrogates become "?".
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\0" in text:
        text = text.replace("\0", "")
    return b2a_qp(text.encode("utf-8", "replace"), istext=True).replace(b"\n", b"\r\n")


def fixed_part(text: str) -> bytes:
    """Encode a part that is followed by a slot. It ends at the start of a line, so that what follows can
    wrap on its own.
    """
    encoded = quoted_printable(text)
    if not encoded or encoded.endswith(b"\n"):
        return encoded
    return encoded + SOFT_BREAK


def slot(value: str) -> bytes:
    """Encode the value of a slot, which begins at the start of a line, and end at the start of a line
    again.
    """
    if not value:
        return b""
    encoded = quoted_printable(value)
    return encoded if encoded.endswith(b"\n") else encoded + SOFT_BREAK
