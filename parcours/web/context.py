"""What every template may use besides its view's own context: the place in the rail, the theme, rights, languages."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from parcours.accounts.types import Role
from parcours.web.access import readable

THEMES = {"light": "calm", "dark": "calm-dark"}


def page(request: HttpRequest) -> dict[str, Any]:
    """The shell's part of the context. Outside a workspace there is no rail, and nobody may change anything."""
    role: Role | None = getattr(request, "role", None)
    return {
        "workspace": getattr(request, "workspace", None),
        "role": role,
        "memberships": getattr(request, "memberships", ()),
        "invitations": getattr(request, "invitations", ()),
        "may_edit": role is not None and role.may(Role.EDITOR),
        "may_export": role is not None and role.may(Role.ANALYST),
        "may_own": role is not None and role.may(Role.OWNER),
        "place": place_of(request.path),
        "here": readable(request),
        "theme": THEMES.get(request.COOKIES.get("parcours_theme", ""), ""),
        "languages": settings.LANGUAGES,
    }


def place_of(path: str) -> str:
    """The part of the address after the workspace: 'contacts' for /w/shop/contacts/…, 'home' for /w/shop/."""
    parts = path.strip("/").split("/")
    if len(parts) < 2 or parts[0] != "w":
        return ""
    return parts[2] if len(parts) > 2 else "home"
