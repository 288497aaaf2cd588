"""`python -m tests.bench.serve APPLICATION PORT PROCESSES`: a floor under the product's server, as `parcours web` runs it."""

import sys

import config.wsgi  # noqa: F401 - first: what follows reads models
from parcours.cli.web import serve

if __name__ == "__main__":
    application, port, processes = sys.argv[1:]
    serve(application, port=int(port), processes=int(processes))
