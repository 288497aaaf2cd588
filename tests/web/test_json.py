"""JSON that people write on pages: what is wrong with it is told in their language, with its place."""

import pytest

from tests.web.conftest import Shop, signed_in


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('{"attribute": "city",\n}', "ligne 2, colonne 1"),
        ("[" * 5000, "imbrication"),
        ('{"attribute": "city", "attribute": "age"}', "La clé «\u00a0attribute\u00a0» figure deux fois."),
        ('{"attribute": "age", "is": NaN}', "JSON ne connaît pas le nombre «\u00a0NaN\u00a0»."),
    ],
)
def test_json_of_a_rule_and_of_a_product_is_read_in_the_readers_language(
    shop: Shop, written: str, told: str
) -> None:
    reader = signed_in(shop.owner, "fr")
    rule = reader.post(shop.path("segments/+/"), {"name": "Lyon", "rule": written})
    facts = {"product_id": "BOL-9", "name": "Bol", "attributes": written}
    product = reader.post(shop.path("catalogue/add/"), facts)
    for page in (rule, product):
        assert page.status_code == 422
        assert told in page.content.decode()
        assert "Expecting" not in page.content.decode()
