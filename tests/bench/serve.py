"""`python -m tests.bench.serve APPLICATION PORT PROCESSES`: a floor under the product's server, as `parcours web` runs it."""

import sys

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from parcours.cli.web import serve

if __name__ == "__main__":
    application, port, processes = sys.argv[1:]
    serve(application, port=int(port), processes=int(processes))
