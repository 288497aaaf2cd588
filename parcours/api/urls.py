"""Addresses under `/api/v1/`. What is not one of them, whatever it holds, is answered like every other error: with a problem
document.
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from parcours.api.problems import problem
from parcours.api.service import api, document

View = Callable[..., HttpResponse]


@csrf_exempt
def nowhere(request: HttpRequest) -> HttpResponse:
    """There is no such operation."""
    detail = {"detail": _("There is no such operation."), "hint": _("See /api/v1/openapi.json.")}
    return problem(404, "not_found", _("There is no such thing here."), detail)


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """What the API takes and gives. It tells nothing about any workspace, so it needs no key."""
    return HttpResponse(document(), content_type="application/json; charset=utf-8")


def not_taken(methods: str) -> HttpResponse:
    """ninja answers a wrong method with an empty page; this says which ones there are."""
    detail = {"detail": _("This address takes %(methods)s.") % {"methods": methods}}
    title = _("This method is not allowed here.")
    return problem(405, "method_not_allowed", title, detail, {"Allow": methods})


def with_problems(view: View, told: Callable[[str], HttpResponse]) -> View:
    """A view whose wrong methods are answered by `told`."""

    @csrf_exempt
    @wraps(view)
    def answered(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if isinstance(response, HttpResponseNotAllowed):
            return told(response.headers["Allow"])
        return response

    return answered


def patterns(served: NinjaAPI, told: Callable[[str], HttpResponse]) -> list[URLPattern]:
    """The addresses of an API's operations."""
    found, _app, _namespace = served.urls
    return [
        path(str(one.pattern), with_problems(one.callback, told), name=one.name)
        for one in found
        if isinstance(one, URLPattern) and one.callback is not None and one.name != "api-root"
    ]


urlpatterns = [
    path("openapi.json", openapi, name="openapi"),
    *patterns(api, not_taken),
    re_path("", nowhere, name="nowhere"),
]
