"""The pages for a request that no view could answer: it cannot be taken at all, or something failed. Django calls them
(`handler400` and `handler500` in `config.urls`)."""

import sys

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import DataError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views import defaults

SECONDS = 5


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say that the request is too large, or that it could not be read."""
    status = 413 if isinstance(exception, RequestDataTooBig) else 400
    return render(request, f"{status}.html", status=status)


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
