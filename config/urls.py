"""The addresses of Django's pages. The hot paths in front of them are in `config.server`."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
