"""Messages that another program wrote, as HTML or as plain text: put into the MJML that every message here is made from.

So they get the same checks, the same footer and the same text part. Not here: what MJML may hold (`mjml`).
"""

import re
from html import escape

_STYLE = re.compile(r"<style\b[^<>]*>([^<]*)</style>", re.IGNORECASE)
_BODY = re.compile(r"<body\b[^<>]*>", re.IGNORECASE)
_END = re.compile(r"</(?:body|html)>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--[^>]*-->")


def mjml_of_html(html: str) -> str:
    """A document's body, with the styles of its head; or a piece of HTML as it is."""
    styles = "".join(_STYLE.findall(html))
    opening = _BODY.search(html)
    body = html[opening.end() :] if opening else html
    ending = _END.search(body)
    inside = _COMMENT.sub("", _STYLE.sub("", body[: ending.start()] if ending else body))
    head = f"<mj-head><mj-style>{styles}</mj-style></mj-head>" if styles.strip() else ""
    return f"<mjml>{head}<mj-body><mj-raw>{inside}</mj-raw></mj-body></mjml>"


def mjml_of_text(text: str) -> str:
    """Plain text, line by line. Liquid in it stays Liquid."""
    lines = "<br>".join(escape(line, quote=False) for line in text.strip().splitlines())
    return f"<mjml><mj-body><mj-section><mj-column><mj-text>{lines}</mj-text></mj-column></mj-section></mj-body></mjml>"
