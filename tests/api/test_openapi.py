"""The committed document is what the product serves: a change of the API shows in its review."""

import json
from pathlib import Path

from django.test import Client

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api" / "openapi.json"


def test_document_is_the_committed_one(db: None) -> None:
    served = Client().get("/api/v1/openapi.json")
    assert served.json() == json.loads(DOCUMENT.read_text(encoding="utf-8")), (
        "run: python -m parcours.api.document > docs/api/openapi.json"
    )
