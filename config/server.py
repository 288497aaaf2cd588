"""The server's application, `config.server:application`: the hot paths, with Django's pages behind them."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_wsgi_application()

from parcours.public.hot.application import Application  # noqa: E402 - reads models, so after Django is set up

application = Application(pages)
