"""The server's application, `config.server:application`: the hot paths, with Django's pages behind them."""

import re

from config.wsgi import pages  # first: what follows reads models
from parcours.contacts.importing import reading
from parcours.public.hot.application import Application
from parcours.public.hot.wsgi import MAX_BODY

IMPORT_UPLOAD = re.compile(r"/w/[^/]+/imports/upload/")
FORM_AROUND_THE_FILE = 64 * 1024


def limit_of(path: str) -> int:
    """How many bytes of body a page takes: a file to import is larger than anything else that people send."""
    return reading.MAX_BYTES + FORM_AROUND_THE_FILE if IMPORT_UPLOAD.fullmatch(path) else MAX_BODY


application = Application(pages, limit_of)
