"""An error of the domain stands beside the field that it is about, with how to mend it."""

import pytest
from django import forms

from parcours.kernel.errors import Invalid
from parcours.web.forms import put


class Naming(forms.Form):
    """A form with two fields."""

    name = forms.CharField(required=False)
    rule = forms.CharField(required=False)


@pytest.mark.parametrize(
    ("error", "how", "field", "shown"),
    [
        (Invalid("Too long.", field="name", hint="Shorten it."), {}, "name", "Too long. Shorten it."),
        (Invalid("Too long.", field="name"), {"rest": "rule"}, "name", "Too long."),
        (Invalid("No such thing.", field="all.0"), {"rest": "rule"}, "rule", "all.0: No such thing."),
        (Invalid("No such thing.", field="all.0"), {}, "__all__", "No such thing."),
        (Invalid("Taken.", field="slug"), {"field": "name"}, "name", "Taken."),
        (Invalid("Taken.", field="name"), {"field": ""}, "__all__", "Taken."),
    ],
)
def test_error_is_shown_where_it_belongs(error: Invalid, how: dict[str, str], field: str, shown: str) -> None:
    form = Naming({})
    put(form, error, **how)
    assert form.errors == {field: [shown]}
