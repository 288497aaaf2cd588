"""Addresses that people reach from their messages. The hot paths (events, pixel, click) are raw ASGI: see `config`."""

from django.urls import path

from parcours.public.pages.confirm import confirm
from parcours.public.pages.preferences import preferences
from parcours.public.pages.unsubscribe import unsubscribe
from parcours.public.pages.why import why

urlpatterns = [
    path("u/<str:token>", unsubscribe, name="public-unsubscribe"),
    path("p/<str:token>", preferences, name="public-preferences"),
    path("why/<str:token>", why, name="public-why"),
    path("confirm/<str:token>", confirm, name="public-confirm"),
]
