"""Reading files as they come out of spreadsheets and other tools."""

import pytest

from parcours.contacts.importing import reading
from parcours.contacts.importing.errors import UnreadableFile


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
    assert portion.unreadable == [2, 4]


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


def test_file_full_of_open_quotes_is_read_in_time() -> None:
    text = b'"x,1\n' * 20_000
    portion = reading.read(text, 1, ",", 100_000, is_last=True)
    assert len(portion.unreadable) + len(portion.records) >= 10_000


def test_file_without_header_is_refused() -> None:
    with pytest.raises(UnreadableFile):
        reading.header_and_sample(b"\n\n", ",", 5)
    with pytest.raises(UnreadableFile):
        reading.header_and_sample(b"PK\x03\x04\x00\x00,x\n", ",", 5)
