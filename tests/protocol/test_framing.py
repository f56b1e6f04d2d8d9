"""Bytes to lines: whatever comes, and in whatever pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from wire import crc, feed, framed

from pump.protocol.framing import Crc16, LineReader, LineWriter


def lines_of(data: bytes, piece: int = 256) -> list[tuple[bytes, bool]]:
    """Each line with whether it is too long, read ``piece`` bytes at a time."""
    reader = LineReader()
    return [
        (bytes(reader.data[: min(reader.length, 96)]), reader.is_too_long())
        for _ in feed(reader, data, piece)
    ]


def test_the_check_value_of_the_crc_is_the_published_one():
    assert Crc16().of(b"123456789", 9) == 0x29B1
    assert crc(b"123456789") == 0x29B1


@given(some.binary(max_size=200))
def test_the_crc_is_that_of_the_standard_library(data):
    by_firmware = Crc16()
    by_firmware.begin()
    by_firmware.add_all(data)
    assert by_firmware.value == by_firmware.of(data, len(data)) == crc(data)


@given(some.integers(0, 2**32 - 1))
def test_a_number_enters_the_crc_as_its_four_bytes(number):
    one, other = Crc16(), Crc16()
    one.add_int(number)
    other.add_all(number.to_bytes(4, "big"))
    assert one.value == other.value


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"half", []),
        (b"\n", [(b"", False)]),
        (b"\r\n", [(b"", False)]),
        (b"one\ntwo\r\n", [(b"one", False), (b"two", False)]),
        (b"a\rb\r\n", [(b"a\rb", False)]),
        (b"\n\n\n", [(b"", False)] * 3),
        (b"\x03\x00\xff\n", [(b"\x03\x00\xff", False)]),
    ],
)
def test_a_line_ends_with_a_line_feed_and_an_optional_return_before_it(data, lines):
    assert lines_of(data) == lines


@pytest.mark.parametrize(
    ("length", "too_long"), [(95, False), (96, False), (97, True), (128, True), (10_000, True)]
)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_96_bytes_are_a_line_and_97_are_too_long(length, too_long, end):
    ((_, is_too_long),) = lines_of(b"x" * length + end)
    assert is_too_long == too_long


def test_a_line_after_an_overlong_one_is_read_as_it_is():
    assert lines_of(b"x" * 10_000 + b"\n*IDN?\n")[1] == (b"*IDN?", False)


def test_noise_without_a_line_feed_never_grows_the_reader_and_stays_too_long():
    reader = LineReader()
    size = len(reader.data)
    for _ in range((1 << 20) // 256 + 500):
        assert list(feed(reader, b"x" * 256)) == []
        assert not reader.is_complete
    assert reader.is_too_long()
    assert len(reader.data) == size
    assert reader.length <= 1 << 20


@given(some.binary(max_size=600), some.integers(1, 256))
def test_how_the_bytes_are_cut_does_not_matter(data, piece):
    """A reader keeps no more than its state between two bytes."""
    whole = (data + b"\n").replace(b"\r\n", b"\n")
    expected = [(line[:96], len(line) > 96) for line in whole.split(b"\n")[:-1]]
    found = lines_of(data + b"\n", piece)
    assert [is_too_long for _, is_too_long in found] == [too_long for _, too_long in expected]
    for (line, is_too_long), (text, _) in zip(found, expected, strict=True):
        assert is_too_long or line == text


@given(some.integers(0, 600), some.integers(1, 256), some.binary(max_size=90))
def test_the_end_of_an_overlong_line_is_kept_whatever_its_length(length, piece, spaces):
    """So that a STOP there is found, with up to 90 characters of white space behind it."""
    reader = LineReader()
    line = b"x" * length + b"STOP" + b" " * len(spaces)
    assert list(feed(reader, line + b"\n", piece)) == [len(line) + 1]
    assert reader.is_stop()


@given(some.integers(-(2**40), 2**40))
def test_a_number_is_written_in_decimal(number):
    writer = LineWriter(Crc16())
    writer.begin()
    writer.number(number)
    assert bytes(writer.data[: writer.length]) == b"%d" % number


@given(some.integers(0, 999_999))
def test_microseconds_are_written_with_their_leading_zeros(number):
    writer = LineWriter(Crc16())
    writer.begin()
    writer.padded(number, 6)
    assert bytes(writer.data[: writer.length]) == b"%06d" % number


@given(some.binary(max_size=91).filter(lambda body: b"\n" not in body))
def test_a_written_line_is_the_body_its_crc_and_a_line_feed(body):
    writer = LineWriter(Crc16())
    writer.begin()
    writer.text(body)
    writer.finish()
    assert bytes(writer.data[: writer.length]) == framed(body)


def test_what_does_not_fit_into_a_line_is_left_out_and_nothing_raises():
    writer = LineWriter(Crc16())
    writer.begin()
    writer.text(b"x" * 500)
    writer.finish()
    assert writer.length <= 97
