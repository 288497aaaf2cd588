"""`./dev parcours --data DIR …`: the directory is ours, everything after it the command's."""

import pytest

from develop.errors import DevelopError
from develop.operate import split_data


@pytest.mark.parametrize(
    ("given", "data", "rest"),
    [
        (["--data", "there", "doctor", "--json"], "there", ["doctor", "--json"]),
        (["--data=there", "doctor"], "there", ["doctor"]),
        (["dumpdata", "--data", "x"], None, ["dumpdata", "--data", "x"]),
        ([], None, []),
    ],
)
def test_only_a_leading_directory_is_taken(given: list[str], data: str | None, rest: list[str]) -> None:
    assert split_data(given) == (data, rest)


def test_directory_that_is_not_named_is_asked_for() -> None:
    with pytest.raises(DevelopError, match="--data needs a directory"):
        split_data(["--data"])
