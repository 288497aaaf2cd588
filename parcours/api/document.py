"""`python -m parcours.api.document` prints the OpenAPI document, to be committed as docs/api/openapi.json."""

import os
import sys
from importlib import import_module

import django


def main() -> None:
    """Print the document, as it is served."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    service = import_module("parcours.api.service")  # needs Django to be set up
    sys.stdout.write(service.document())


if __name__ == "__main__":
    main()
