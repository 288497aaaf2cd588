"""The server's application, `config.server:application`: the hot paths, with Django's pages behind them."""

import os
import re

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_wsgi_application()

from parcours.contacts.importing import reading  # noqa: E402 - as below
from parcours.public.hot.application import Application  # noqa: E402 - reads models, so after Django is set up
from parcours.public.hot.wsgi import MAX_BODY  # noqa: E402

IMPORT_UPLOAD = re.compile(r"/w/[^/]+/imports/upload/")
FORM_AROUND_THE_FILE = 64 * 1024


def limit_of(path: str) -> int:
    """How many bytes of body a page takes: a file to import is larger than anything else that people send."""
    return reading.MAX_BYTES + FORM_AROUND_THE_FILE if IMPORT_UPLOAD.fullmatch(path) else MAX_BODY


application = Application(pages, limit_of)
