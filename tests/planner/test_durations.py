"""Times as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from titra.durations import DURATION_MAX_MS, DurationError, clock, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("45m", 2700), ("1h30m", 5400), ("2h", 7200), ("1h0m1s", 3601), ("0s", 0)],
)
def test_a_duration_is_the_sum_of_its_parts(text, seconds):
    assert parse_duration(text) == seconds * 1000


@pytest.mark.parametrize(
    "text",
    [
        "", "45", "s", "1.5h", "-1m", "+1m", "1m1h", "1m1m", " 45m", "45m ", "45m\n", "45 m",
        "45M", "1d", "1e3s", "9999999s", "9000h", "\u0664\u0665m", "4\x005m", "h", "nan", None, 45,
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_what_was_expected(text):
    with pytest.raises(DurationError, match="expected"):
        parse_duration(text)


def test_the_longest_duration_is_a_week():
    assert parse_duration("168h") == DURATION_MAX_MS
    with pytest.raises(DurationError, match="at most 168h"):
        parse_duration("168h1s")


@given(st.text(max_size=20))
@settings(deadline=None)
def test_no_text_does_worse_than_a_duration_error(text):
    try:
        assert 0 <= parse_duration(text) <= DURATION_MAX_MS
    except DurationError as error:
        assert "\n" not in str(error)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
@settings(deadline=None)
def test_a_written_duration_reads_back(hours, minutes, seconds):
    duration_ms = parse_duration(f"{hours}h{minutes}m{seconds}s")
    assert clock(duration_ms) == f"{hours}:{minutes:02}:{seconds:02}"
