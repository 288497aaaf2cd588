"""Addresses under `/v3/`. What is not one of them is answered like every other error there."""

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from parcours.api.brevo.problems import answer
from parcours.api.brevo.service import api
from parcours.api.urls import patterns


@csrf_exempt
def nowhere(request: HttpRequest) -> HttpResponse:
    """There is no such call, or not here."""
    return answer(404, "document_not_found", _("Parcours does not have this call of Brevo's."))


def not_taken(methods: str) -> HttpResponse:
    """The address is known, the method is not."""
    told = _("This address takes %(methods)s.") % {"methods": methods}
    return answer(405, "method_not_allowed", told, {"Allow": methods})


urlpatterns = [*patterns(api, not_taken), re_path("", nowhere, name="brevo-nowhere")]
