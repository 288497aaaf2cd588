"""The product's mark at the address where browsers look for it by themselves: for people's pages, and answers that are no page."""

from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

ICON = (Path(__file__).parent / "static/web/favicon.ico").read_bytes()
"""`favicon.svg` in 16, 32 and 48 pixels."""


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """The same for everybody, kept for a day."""
    return HttpResponse(ICON, content_type="image/x-icon", headers={"Cache-Control": "public, max-age=86400"})
