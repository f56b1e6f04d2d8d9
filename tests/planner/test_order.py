"""The order reader: exact numbers, and every fault named at once."""

import hashlib
import os
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from titra.planning.order import OrderError, load_order, parse_order


@pytest.fixture
def order_file(tmp_path):
    """Writes bytes to an order file and returns its path."""

    def write(raw: bytes) -> str:
        path = tmp_path / "ORDER.toml"
        path.write_bytes(raw)
        return str(path)

    return write


def lines_of(path):
    with pytest.raises(OrderError) as caught:
        load_order(path)
    return caught.value.lines()


@pytest.mark.req("M4")
def test_the_order_worked_by_hand_is_read(order_bytes, order_file):
    raw = order_bytes({})
    order = load_order(order_file(raw))
    assert order.patient.weight_g == 70_000
    assert order.patient.risk == ("renal",)
    assert order.product.concentration_mg_ml == 100
    assert order.product.lots[0].dose_mg == 40_000
    assert order.dose.mg == 40_000
    assert order.limits.max_rate_ul_h == 300_000
    assert order.limits.occlusion_pa == 60_000
    assert order.limits.kvo_ul_h == 0
    assert order.course.id == "2026-11-A"
    assert order.person.confirms and order.person.actions == ()
    assert order.text == raw.decode()
    assert order.sha256 == hashlib.sha256(raw).hexdigest()


@pytest.mark.req("M4")
def test_decimals_are_exact(order_bytes):
    raw = order_bytes({"limits.max_rate_ml_h": "70.1", "patient.weight_kg": "70.1"})
    order = parse_order(raw, "ORDER.toml")
    assert order.limits.max_rate_ul_h == Fraction(70_100)
    assert order.patient.weight_g == 70_100


@pytest.mark.req("M4")
def test_body_mass_is_rounded_down(order_bytes):
    assert parse_order(order_bytes({"patient.weight_kg": "70.9999"}), "").patient.weight_g == 70_999


def test_one_line_per_reason_names_file_field_value_and_expectation(order_bytes, order_file):
    path = order_file(order_bytes({"patient.weight_kg": "-1"}))
    assert lines_of(path) == [
        f"{path}: patient.weight_kg: is -1, expected a number of kg from 30 to 200"
    ]


def test_all_problems_are_reported_at_once(problems_of):
    found = problems_of(
        {
            "patient.weight_kg": "700",
            "patient.tolerance": None,
            "patient.risk": '["renal", "kidney"]',
            "product.concentration_percent": "5",
            "product.lots": '[{ lot = "A B", expiry = "2027-06-30", grams = 0, gram = 1 }, 7]',
            "dose.grams": "0",
            "dose.days": "1.5",
            "setting.place": '"hom"',
            "limits.kvo_ml_h": "1.1",
            "extra.key": "1",
        }
    )
    assert set(found) == {
        "patient.weight_kg", "patient.tolerance", "patient.risk[1]",
        "product.concentration_percent", "product.lots[0].lot", "product.lots[0].expiry",
        "product.lots[0].grams", "product.lots[0].gram", "product.lots[1]",
        "dose.grams", "dose.days", "setting.place", "limits.kvo_ml_h", "extra",
    }  # fmt: skip


@pytest.mark.req("F2")
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("-1", "-1"), ("0", "0"), ("700", "700"), ("29.999", "29.999"), ("nan", "nan"),
        ("inf", "inf"), ("-inf", "-inf"), ('"70,5"', 'the text "70,5"'), ("true", "true"),
        ("false", "false"), ("[70]", "a list"), ("{}", "a table"), ("2026-11-20", "the date"),
        ("1e999999999", "1e999999999"), ("1e31", "1e31"), ("1e-999999999", "1e-999999999"),
        ("0x" + "f" * 200, "a number of 800 bits"), ("70." + "0" * 100, "a number too long"),
    ],
)  # fmt: skip
def test_a_wrong_weight_is_shown_with_the_range(problems_of, raw, shown):
    message = problems_of({"patient.weight_kg": raw})["patient.weight_kg"]
    assert message.startswith(f"is {shown}")
    assert message.endswith("expected a number of kg from 30 to 200")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"patient.weight_kg": None}, "patient.weight_kg", "is missing, expected a number of kg"),
        ({"patient.risk": None}, "patient.risk", "is missing"),
        ({"patient.risk": '"renal"'}, "patient.risk", "expected a list"),
        ({"patient.risk": '["renal", "renal"]'}, "patient.risk[1]", "a second time"),
        ({"patient.risk": '["cardiak"]'}, "patient.risk[0]", "did you mean cardiac?"),
        ({"patient.tolerance": '"tolerate"'}, "patient.tolerance", "did you mean tolerated?"),
        ({"patient.wieght_kg": "70"}, "patient.wieght_kg", "did you mean weight_kg?"),
        ({"patient": None}, "patient.weight_kg", "is missing"),
        ({"product.name": '"gamagard-liquid"'}, "product.name", "did you mean gammagard-liquid?"),
        ({"product.name": '"aspirin"'}, "product.name", "privigen"),
        ({"product.name": "7"}, "product.name", "expected"),
        ({"product.indication": '"itp"'}, "product.indication", "pi, mmn or off-label"),
        ({"product.indication": None}, "product.indication", "pi, mmn or off-label"),
        ({"product.concentration_percent": "12"}, "product.concentration_percent", "expected 10"),
        ({"product.concentration_percent": "10.5"}, "product.concentration_percent", "is 10.5"),
        ({"product.concentration_percent": "nan"}, "product.concentration_percent", "is nan"),
        ({"product.lots": "[]"}, "product.lots", "at least one"),
        ({"product.lots": "7"}, "product.lots", "is 7"),
        ({"dose.grams": "0"}, "dose.grams", "is 0"),
        ({"dose.grams": "-40"}, "dose.grams", "is -40"),
        ({"dose.grams": "40.00001"}, "dose.grams", "at most 3 decimals"),
        ({"dose.days": "0"}, "dose.days", "from 1 to 5"),
        ({"dose.days": "6"}, "dose.days", "from 1 to 5"),
        ({"limits.max_rate_ml_h": "0"}, "limits.max_rate_ml_h", "from 0.1"),
        ({"limits.occlusion_kpa": "131"}, "limits.occlusion_kpa", "from 20 to 130"),
        ({"limits.kvo_ml_h": "-0.1"}, "limits.kvo_ml_h", "from 0 to 1"),
        ({"setting.premedication_minutes": "-5"}, "setting.premedication_minutes", "from 0"),
        ({"course.last_dose": "2026-10-24T08:00:00Z"}, "course.last_dose", "without a time"),
        ({"course.last_dose": '"2026-10-24"'}, "course.last_dose", "without quotes"),
        ({"course.id": '"a b*"'}, "course.id", "expected 1 to 24 letters"),
        ({"person.confirms": "1"}, "person.confirms", "expected true or false"),
        ({"person.confirm_after_s": "901"}, "person.confirm_after_s", "from 0 to 900"),
        ({"person.actions": '[{ at = "45", do = "pause" }]'}, "person.actions[0].at", "45m"),
        ({"person.actions": '[{ at = "45m", do = "boost" }]'}, "person.actions[0].do", "pause"),
        ({"person.actions": "[1]"}, "person.actions[0]", "expected a table"),
    ],
)
def test_each_fault_is_named_at_its_field(problems_of, changes, field, words):
    found = problems_of(changes)
    assert words in found[field]


def lots(*entries):
    return {"product.lots": "[" + ", ".join(entries) + "]"}


@pytest.mark.req("M13")
@pytest.mark.parametrize(
    ("entry", "key", "words"),
    [
        ("{ expiry = 2027-06-30, grams = 40 }", "lot", "is missing"),
        ('{ lot = "A", grams = 40 }', "expiry", "is missing"),
        ('{ lot = "A", expiry = 2027-06-30 }', "grams", "is missing"),
        ("{ lot = 7, expiry = 2027-06-30, grams = 40 }", "lot", "is 7"),
        ('{ lot = "A", expiry = 2027, grams = 40 }', "expiry", "is 2027"),
        ('{ lot = "A", expiry = 2027-06-30, grams = "40" }', "grams", "number of g"),
        ('{ lot = "A", expiry = 2027-06-30, grams = true }', "grams", "number of g"),
        ('{ lot = "A", expiry = 2027-06-30, grams = 40, diluent_ml = 9 }', "diluent_ml", "liquid"),
        ('{ lot = "A\\n", expiry = 2027-06-30, grams = 40 }', "lot", '"A\\n"'),
    ],
)
def test_a_lot_is_checked_entry_by_entry(problems_of, entry, key, words):
    assert words in problems_of(lots(entry))[f"product.lots[0].{key}"]


@pytest.mark.req("M13")
def test_the_same_lot_twice_is_a_mistake(problems_of):
    one = '{ lot = "LE1", expiry = 2027-06-30, grams = 20 }'
    other = '{ lot = "le1", expiry = 2027-06-30, grams = 20 }'
    assert "a second time" in problems_of(lots(one, other))["product.lots[1].lot"]


@pytest.mark.req("M9")
def test_a_powder_needs_its_diluent(problems_of):
    changes = {"product.name": '"carimune-nf"', "product.concentration_percent": "6"}
    assert "is missing" in problems_of(changes)["product.lots[0].diluent_ml"]


@pytest.mark.req("M13")
def test_two_products_in_one_order_are_refused(library):
    with pytest.raises(OrderError, match="brands are never mixed"):
        parse_order(b'[[product]]\nname = "privigen"\n[[product]]\n', "ORDER.toml", library)


def test_the_only_indication_need_not_be_named(order_bytes):
    changes = {"product.name": '"asceniv"', "product.indication": None}
    assert parse_order(order_bytes(changes), "").product.indication == "pi"


def test_optional_tables_have_defaults(order_bytes):
    changes = {"setting": None, "limits": None, "course": None}
    order = parse_order(order_bytes(changes), "")
    assert order.setting.place == "clinic"
    assert order.setting.premedication_minutes is None
    assert order.limits.max_rate_ul_h is None
    assert order.course.last_dose is None


def test_actions_are_sorted_by_time(order_bytes):
    actions = '[{ at = "1h", do = "resume" }, { at = "45m", do = "pause" }]'
    order = parse_order(order_bytes({"person.actions": actions}), "")
    assert [(action.at_ms, action.do) for action in order.person.actions] == [
        (2_700_000, "pause"),
        (3_600_000, "resume"),
    ]


# --- files ------------------------------------------------------------------------


def test_broken_toml_is_located(order_file):
    path = order_file(b"[patient]\nweight_kg = = 70\n")
    assert lines_of(path) == [f"{path}: line 2, column 13: Invalid value"]


def test_toml_that_ends_too_early_is_located(order_file):
    (line,) = lines_of(order_file(b'[patient]\nname = "'))
    assert "line 2, column 9" in line


def test_a_nul_byte_is_located(order_file):
    (line,) = lines_of(order_file(b"[patient]\nweight_kg = 7\x000\n"))
    assert "line 2, column 14" in line


def test_a_file_that_is_not_utf8_is_located(order_file):
    (line,) = lines_of(order_file(b"[patient]\n# \xff\n"))
    assert "line 2: byte 13 is not UTF-8" in line


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(order_bytes):
    raw = b"\xef\xbb\xbf" + order_bytes({}).replace(b"\n", b"\r\n")
    assert parse_order(raw, "").patient.weight_g == 70_000


@pytest.mark.req("F2")
def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.toml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    start = time.monotonic()
    (line,) = lines_of(str(path))
    assert "has 50000000 bytes, expected at most 65536" in line
    assert time.monotonic() - start < 0.5


def test_a_directory_is_refused(tmp_path):
    assert "is a directory" in lines_of(str(tmp_path))[0]


def test_a_missing_file_is_refused(tmp_path):
    assert "does not exist" in lines_of(str(tmp_path / "none.toml"))[0]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    assert "not a regular file" in lines_of(str(path))[0]


def test_a_name_with_a_nul_is_refused():
    assert "NUL" in lines_of("a\x00b")[0]


def test_an_empty_file_lists_what_is_missing(order_file):
    assert len(lines_of(order_file(b""))) == 8


@pytest.mark.parametrize(
    "raw",
    [
        b"a = " + b"[" * 60_000,
        b"a = " + b"[" * 30_000 + b"]" * 30_000,
        b"a = " + b"{a=" * 20_000,
        b"a = " + b"[\n" * 30_000,
        b"a = " + b"[\n" * 15_000 + b"]\n" * 15_000,
        b".".join([b"a"] * 20_000) + b" = 1",
        b"[" + b".".join([b"a"] * 20_000) + b"]",
        b"\n".join(b"[a%d." % n + b".".join([b"a"] * 1900) + b"]" for n in range(16)),
        b"a = " + b"9" * 60_000,
        b"[patient]\nweight_kg = " + b"9" * 60_000,
        b"[patient]\nweight_kg = 0x" + b"f" * 60_000,
        b"[patient]\nweight_kg = " + b"9" * 60_000 + b".5",
        b"[patient]\nweight_kg = " + b"9" * 3900,
        b"[patient]\nweight_kg = " + b"9" * 3900 + b".5",
        b"[patient]\nweight_kg = 9e999999999999999999",
        b'[patient]\nweight_kg = "' + b"9" * 60_000 + b'"',
        b"[patient]\nweight_kg = 9999-99-99",
    ],
)
def test_a_bomb_is_refused_within_seconds(raw):
    start = time.monotonic()
    with pytest.raises(OrderError) as caught:
        parse_order(raw, "ORDER.toml")
    assert all(len(line) < 400 for line in caught.value.lines())
    assert time.monotonic() - start < 5


@pytest.mark.req("F2")
@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_do_worse_than_an_order_error(raw):
    with pytest.raises(OrderError):
        parse_order(raw, "ORDER.toml")


RAW_VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(
        ["true", '""', "[]", "{}", "[[]]", "2026-11-20", "07:00:00", "1979-01-01T00:00:00"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters='"\\', exclude_categories=["C"]))
    .map(lambda text: f'"{text}"'),
)  # fmt: skip


@pytest.mark.req("F2")
@given(st.data())
@settings(deadline=None)
def test_no_value_anywhere_does_worse_than_an_order_error(order_bytes, data):
    fields = [
        "patient.weight_kg", "patient.risk", "patient.tolerance", "product.name",
        "product.indication", "product.concentration_percent", "product.lots", "dose.grams",
        "dose.days", "setting.place", "limits.max_rate_ml_h", "course.last_dose",
        "person.actions", "person.confirm_after_s",
    ]  # fmt: skip
    field, raw = data.draw(st.sampled_from(fields)), data.draw(RAW_VALUES)
    try:
        parse_order(order_bytes({field: raw}), "ORDER.toml")
    except OrderError as error:
        assert all(len(line.splitlines()) == 1 for line in error.lines())
