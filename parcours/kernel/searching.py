"""Searching long tables for how a text begins, in any case of letters and with or without accents.

A table keeps what is searched as a `kept_key`, a stored column with an index: row security lets no index be used for a condition
on `lower(…)`, `LIKE` or `->>`, but it does for `>=` and `<` on a column. What somebody types is taken as it is: no sign stands
for others.
Not here: which fields are searched (each room).
"""

from django.db.models import Expression, Func, GeneratedField, Q, TextField, Value


class Key(Func):
    """A text as it is searched: small letters, no accents, plain apostrophes, single spaces, 200 characters at most."""

    function = "kernel_search_key"
    output_field = TextField()


class _After(Key):
    """Greater than all that begins with the key."""

    template = "(%(function)s(%(expressions)s) || chr(1114111))"


def kept_key(expression: Expression) -> GeneratedField:
    """The column of a key, in the order of its bytes, whatever the order of the database."""
    return GeneratedField(
        expression=expression, output_field=TextField(null=True, db_collation="C"), db_persist=True
    )


def begins(field: str, words: str) -> Q:
    """The condition that a key (or another text of small letters, in the order of its bytes) begins with the words."""
    return Q(**{f"{field}__gte": Key(Value(words)), f"{field}__lt": _After(Value(words))})
