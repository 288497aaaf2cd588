"""Reading files as they come out of spreadsheets and other tools."""

import time

import pytest

from parcours.contacts.importing import reading
from parcours.contacts.importing.errors import UnreadableFile
from parcours.contacts.importing.reading import PORTION_BYTES, Place


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("prénom\nZoé\n".encode(), "utf-8"),
        ("prénom\nZoé\n".encode("utf-8-sig"), "utf-8"),
        ("prénom\nZoé\n".encode("cp1252"), "cp1252"),
        ("prénom\nZoé\n".encode("utf-16"), "utf-16"),
    ],
)
def test_encoding_is_found_out(content: bytes, encoding: str) -> None:
    assert reading.to_utf8(content) == ("prénom\nZoé\n".encode(), encoding)


def test_bytes_of_no_encoding_are_refused() -> None:
    with pytest.raises(UnreadableFile):
        reading.to_utf8(b"a\x81\x8d")


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("email,name\na@example.com,Ann\n", ","),
        ("email;name\na@example.com;Dupont, Ann\nb@example.com;Bob\n", ";"),
        ("email\tname\na@example.com\tAnn; or not\n", "\t"),
        ("email\na@example.com\n", ","),
        ('email;note\na@example.com;"one, two, three"\n', ";"),
    ],
)
def test_delimiter_is_found_out(text: str, delimiter: str) -> None:
    assert reading.sniff_delimiter(text.encode()) == delimiter


def test_record_over_several_lines_counts_from_its_first() -> None:
    text = b'email,note\r\na@example.com,"two\r\nlines"\r\nb@example.com,x\r\n'
    portion = reading.read(text, 1, ",", 10, is_last=True)
    assert [(record.line, record.cells) for record in portion.records] == [
        (1, ["email", "note"]),
        (2, ["a@example.com", "two\r\nlines"]),
        (4, ["b@example.com", "x"]),
    ]
    assert (portion.consumed, portion.lines) == (len(text), 4)


def test_stray_quote_costs_its_own_line_only() -> None:
    text = b'a,1\nb,"oops\nc,3\n"d"x,4\ne,5\n'
    portion = reading.read(text, 1, ",", 10, is_last=True)
    assert [record.cells[0] for record in portion.records] == ["a", "c", "e"]
    assert portion.unreadable == {2: "unreadable", 4: "unreadable"}


def test_every_cut_gives_the_same_records() -> None:
    text = 'é,1\n"two\nlines",2\n\n,,\nlast;"q""q",3'.encode()
    whole = reading.read(text, 1, ",", 100, is_last=True).records
    for size in range(20, len(text) + 1):
        found, offset, line = [], 0, 1
        while offset < len(text):
            data = text[offset : offset + size]
            portion = reading.read(data, line, ",", 2, is_last=offset + len(data) >= len(text))
            assert portion.consumed, "an import always moves on"
            found += portion.records
            offset, line = offset + portion.consumed, line + portion.lines
        assert found == whole, size


@pytest.mark.parametrize(
    ("row", "number"),
    [
        (b'"x,1\n', 4_000),  # opens a quote
        (b'"\\"a\\""\n', 4_000),  # quotes with a backslash, as no CSV does
        (b'a","b\n', 800),  # closes one quote and opens another: a record without end
    ],
)
def test_wrong_quotes_on_every_line_cost_time_in_proportion(row: bytes, number: int) -> None:
    def seconds(lines: int) -> float:
        begun = time.process_time()
        portion = reading.read(row * lines, 1, ",", 10**9, is_last=True)
        assert portion.consumed == len(row) * lines
        assert len(portion.unreadable) > lines // 3
        return time.process_time() - begun

    few = max(min(seconds(number), seconds(number)), 0.01)
    assert seconds(10 * number) < 30 * few, "ten times the lines: ten times the time, not a hundred times"


def test_number_of_unreadable_rows_at_once_is_bounded() -> None:
    portion = reading.read(b'a","b\n' * 5_000, 1, ",", 1_000, is_last=True)
    assert (portion.rows, portion.lines) == (1_000, 1_000)


def all_of(content: bytes) -> tuple[list[str], dict[int, str]]:
    """First cells and unreadable lines of a whole file, read by portions as an import does."""
    cells: list[str] = []
    unreadable: dict[int, str] = {}
    place = Place()
    for _portion in range(20):
        if place.offset >= len(content):
            return cells, unreadable
        found = reading.portion(
            lambda after, size: content[after : after + size], len(content), place, ",", 1_000
        )
        cells += [record.cells[0] for record in found.records]
        unreadable |= found.unreadable
        place = place.past(found)
    raise AssertionError("an import always moves on")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize(
    "size", [PORTION_BYTES - 1, PORTION_BYTES, PORTION_BYTES + 1, 2 * PORTION_BYTES, 2_500_000]
)
def test_line_beyond_a_portion_is_given_up_and_no_other(size: int, end: bytes) -> None:
    long = b"b," + b"x" * (size - 2 - len(end)) + end
    cells, unreadable = all_of(b"a,1" + end + long + b"c,3" + end)
    assert (cells, list(unreadable)) == (["a", "c"], [2])
    cells, unreadable = all_of(b"a,1" + end + long.strip())
    assert (cells, list(unreadable)) == (["a"], [2])
    cells, unreadable = all_of(long)
    assert (cells, list(unreadable)) == ([], [1])


def test_line_that_just_fits_is_read() -> None:
    cells = b",".join([b"x" * 9_999] * 104)
    line = cells + b"," * (PORTION_BYTES - len(cells) - 1) + b"\n"
    assert len(line) == PORTION_BYTES
    assert all_of(line + b"c\n") == (["x" * 9_999, "c"], {})


def test_header_whose_quotes_are_wrong_is_no_header() -> None:
    for rows in (0, 1, 10):
        with pytest.raises(UnreadableFile):
            reading.header_and_sample(b'email,"na"me\na@example.com,Ann\n', ",", rows)


def test_file_without_header_is_refused() -> None:
    with pytest.raises(UnreadableFile):
        reading.header_and_sample(b"\n\n", ",", 5)
    with pytest.raises(UnreadableFile):
        reading.header_and_sample(b"PK\x03\x04\x00\x00,x\n", ",", 5)
