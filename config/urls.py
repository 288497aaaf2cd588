"""The addresses of Django's pages. The hot paths in front of them are in `config.server`."""

from django.urls import URLPattern, URLResolver, include, path

handler400 = "parcours.web.errors.bad_request"
handler404 = "parcours.web.errors.not_found"
handler500 = "parcours.web.errors.failed"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("parcours.public.urls")),
    path("api/v1/", include("parcours.api.urls")),
    path("v3/", include("parcours.api.brevo.urls")),
    path("", include("parcours.web.urls")),
]
