"""Django's pages as a WSGI application. Importing this sets Django up: whatever reads models is imported after it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_wsgi_application()
