"""The pages for a request that no view could answer: it cannot be taken at all, or something failed. Django calls them
(`handler400`, `handler404` and `handler500` in `config.urls`)."""

import re
import sys
from contextlib import suppress

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext
from django.views import defaults

from parcours.kernel.errors import NotFound
from parcours.web.middleware import enter, explain, speak

SECONDS = 5
_WORKSPACE = re.compile(r"/w/([-\w]+)/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the request is too large, or that it could not be read."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    return render(request, f"{status}.html", status=status)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Say that there is nothing; to a member of the workspace that the address names, inside its frame."""
    workspace = _WORKSPACE.match(request.path)
    if workspace and request.user.is_authenticated:
        speak(request)
        with suppress(Http404):
            error = NotFound(gettext("There is nothing at this address."))
            return explain(enter(request, workspace[1]), error)
    return defaults.page_not_found(request, exception)


def failed(request: HttpRequest) -> HttpResponse:
    """Say that something went wrong; of a value that the database cannot take, that it is the request which has to change; of
    a database that is away, that it will be back: a program asks again then.

    Whose language the reader speaks may be written in that database: so the page speaks all of them, and asks it nothing.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DataError):
        return render(request, "400.html", status=422)
    if not isinstance(error, (OperationalError, InterfaceError)):
        return defaults.server_error(request)
    page = render_to_string("503.html", {"languages": settings.LANGUAGES})
    return HttpResponse(page, status=503, headers={"Retry-After": str(SECONDS)})
