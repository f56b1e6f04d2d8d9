"""`reasons`: codes and their table cannot drift apart."""

from pump.core import reasons

CODES = {
    name: value for name, value in vars(reasons).items() if name.isupper() and type(value) is int
}


def test_every_code_finds_its_own_name_in_the_table():
    assert {name: reasons.REASONS[code][0] for name, code in CODES.items()} == {
        name: name for name in CODES
    }


def test_every_row_has_a_code_and_a_text_that_fits_a_line():
    assert sorted(CODES.values()) == list(range(len(reasons.REASONS)))
    for name, text in reasons.REASONS:
        # "65535 ERR NAME text*CRC" in 96 bytes
        assert text
        assert len(f"65535 ERR {name} {text}*0000") <= 96


def test_ok_is_zero_so_that_a_blank_record_reports_nothing():
    assert reasons.OK == 0
