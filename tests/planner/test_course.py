"""The course record: what it holds, and that it only ever makes an order less."""

import json
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from planner_orders import codes, order_with, product

from titra.library import load_library
from titra.planning.course_record import (
    CourseRecord,
    RecordError,
    Review,
    Session,
    read_record,
    record_text,
    write_record,
)
from titra.planning.course_rules import plan_in_course
from titra.planning.lots import allot_delivered
from titra.planning.order import parse_order
from titra.planning.plan_records import LotUse
from titra.planning.planner import plan

LIBRARY = load_library()
START = datetime(2026, 11, 20, 9, 0)
LOTS = """[{ lot = "A", expiry = 2027-06-30, grams = 50 },
  { lot = "B", expiry = 2027-06-30, grams = 30 }]"""
TWO_DAYS = {
    "dose.grams": "80", "dose.days": "2", "limits": None, "patient.weight_kg": "80",
    "product.lots": LOTS, "course.last_dose": None,
}  # fmt: skip


def order_of(changes=None, **more):
    return parse_order(order_with({**TWO_DAYS, **(changes or {}), **more}), "ORDER.toml", LIBRARY)


def session(**changes):
    """Day 1 of `TWO_DAYS`, uneventful."""
    return replace(
        Session(
            course="2026-11-A", day=1, started=START, ended=START + timedelta(hours=3),
            product="gammagard-liquid", indication="pi", place="clinic", first_dose=True,
            weight_g=80_000, concentration_mg_ml=100, course_mg=80_000, dose_mg=40_000,
            delivered_mg=40_000, delivered_ul=400_000, highest_ul_h=158_400,
            premedication_minutes=45, state="COMPLETE", reaction="none", ceiling_ul_h=None,
            alarms=("INFUSION_COMPLETE",), lots=(LotUse("A", date(2027, 6, 30), 40_000),),
            order_sha256="0" * 64, source="simulated",
        ),
        **changes,
    )  # fmt: skip


NEXT_MORNING = START + timedelta(hours=24)


def planned(record, order=None, now=NEXT_MORNING):
    return plan_in_course(order or order_of(), LIBRARY, now, record)


def earlier(count, weeks=4, **changes):
    """Uneventful courses of one day, ``weeks`` apart, the last one before `START`."""
    return tuple(
        session(
            course=f"C{number}", course_mg=40_000,
            started=START - timedelta(weeks=weeks * (count - number)),
            ended=START - timedelta(weeks=weeks * (count - number)) + timedelta(hours=3),
            **changes,
        )
        for number in range(count)
    )  # fmt: skip


# --- days of a course -------------------------------------------------------------------------


@pytest.mark.req("M5")
def test_the_second_day_follows_from_the_first_ones_record():
    made = planned(CourseRecord((session(),)))
    (day,) = made.days
    assert (made.refused, day.day, day.dose_mg) == ((), 2, 40_000)
    assert day.rungs[0].rate_ul_h == 38_400
    # 40 of lot A's 50 g are gone.
    assert [(use.lot, use.dose_mg) for use in day.lots] == [("A", 10_000), ("B", 30_000)]


@pytest.mark.req("M5")
@pytest.mark.parametrize(("hours", "codes_"), [(17, ["day-spacing"]), (18, [])])
def test_18_hours_pass_between_two_days(hours, codes_):
    made = planned(CourseRecord((session(),)), now=START + timedelta(hours=3 + hours))
    assert codes(made.refused) == codes_
    if codes_:
        assert "expected a start at 2026-11-21 06:00 or later" in made.refused[0].message


@pytest.mark.req("M5")
def test_18_hours_pass_under_a_new_id_too():
    order = order_of({"course.id": '"2026-11-B"'})
    made = planned(CourseRecord((session(),)), order, START + timedelta(hours=20))
    assert "day-spacing" in codes(made.refused)


@pytest.mark.req("M5")
def test_the_days_together_never_exceed_the_course():
    # Day 1 gave 1 g too much: the second gets it less.
    over = planned(CourseRecord((session(delivered_mg=41_000),)))
    assert [day.dose_mg for day in over.days] == [39_000]
    # Day 1 was cut short at 25 g: the second is its own 40 g, and nothing is made up for.
    short = planned(CourseRecord((session(delivered_mg=25_000),)))
    assert [day.dose_mg for day in short.days] == [40_000]
    whole = planned(CourseRecord((session(delivered_mg=80_000),)))
    assert codes(whole.refused) == ["course-complete"]
    both = (session(), session(day=2, started=NEXT_MORNING, ended=NEXT_MORNING))
    done = planned(CourseRecord(both), now=NEXT_MORNING + timedelta(days=2))
    assert codes(done.refused) == ["course-complete"]


@pytest.mark.req("M5", "L25")
def test_an_open_course_only_gets_less():
    record = CourseRecord((session(),))
    more = {"dose.grams": "90", "patient.weight_kg": "90",
            "product.lots": LOTS.replace("grams = 30", "grams = 60")}  # fmt: skip
    assert codes(planned(record, order_of(more)).refused) == ["course-raised"]
    less = planned(record, order_of({"dose.grams": "60"}))
    assert [day.dose_mg for day in less.days] == [20_000]
    other = product("privigen", "pi", "10", '{ lot = "P", expiry = 2031-06-30, grams = 80 }')
    assert "brands-mixed" in codes(planned(record, order_of(other)).refused)


@pytest.mark.req("M5")
def test_a_severe_reaction_ends_every_course_under_any_id():
    record = CourseRecord((session(reaction="severe", state="ENDED"),))
    for course in ('"2026-11-A"', '"2031-01-Z"'):
        order = order_of({"course.id": course})
        later = START + timedelta(days=30)
        assert "severe-reaction" in codes(planned(record, order, later).refused)


@pytest.mark.req("M5")
def test_a_mild_reactions_ceiling_holds_for_the_rest_of_the_course():
    (day,) = planned(CourseRecord((session(reaction="mild", ceiling_ul_h=80_050),))).days
    assert (day.rungs[-1].rate_ul_h, day.cap_source) == (80_000, "reaction")
    order = order_of({"course.id": '"NEXT"', "dose.grams": "40", "dose.days": "1"})
    after = planned(CourseRecord((session(reaction="mild", ceiling_ul_h=80_000),)), order,
                    START + timedelta(weeks=4))  # fmt: skip
    assert after.days[0].cap_source != "reaction"


@pytest.mark.req("M5")
def test_a_ceiling_of_a_weaker_solution_is_lower_for_a_stronger_one():
    weaker = session(ceiling_ul_h=80_000, concentration_mg_ml=50, delivered_mg=1_000)
    order = order_of({"dose.grams": "10"})
    assert planned(CourseRecord((weaker,)), order).days[0].cap_ul_h == 40_000


# --- first dose, home, premedication, interval, review ----------------------------------------


@pytest.mark.req("M7", "M8")
def test_tolerance_that_is_not_on_record_is_a_first_dose():
    made = planned(CourseRecord(), now=START)
    assert "tolerance-unrecorded" in codes(made.warnings)
    assert all(day.first_dose for day in made.days)
    known = planned(CourseRecord(earlier(1)), now=START)
    assert "tolerance-unrecorded" not in codes(known.warnings)
    assert not any(day.first_dose for day in known.days)
    other = planned(CourseRecord(earlier(1, product="privigen")), now=START)
    assert all(day.first_dose for day in other.days)


@pytest.mark.req("M8")
def test_home_needs_a_recorded_first_dose_without_events():
    home = order_of({"setting.place": '"home"'})
    assert "home-first-dose" in codes(planned(CourseRecord(), home, START).refused)
    assert planned(CourseRecord(earlier(1)), home, START).refused == ()
    for changes in ({"reaction": "mild"}, {"state": "ALARM_STOPPED"}, {"first_dose": False},
                    {"place": "home"}):  # fmt: skip
        refused = codes(planned(CourseRecord(earlier(1, **changes)), home, START).refused)
        assert refused and refused[0].startswith("home-")


@pytest.mark.req("M10")
def test_premedication_is_needed_until_three_sessions_in_a_row_were_without_a_reaction():
    order = order_of({"setting.premedication_minutes": None})
    for count, refused in ((1, ["premedication-unrecorded"]), (2, ["premedication-unrecorded"]),
                           (3, [])):  # fmt: skip
        assert codes(planned(CourseRecord(earlier(count)), order, START).refused) == refused
    some = list(earlier(4))
    some[2] = replace(some[2], reaction="mild")
    made = planned(CourseRecord(tuple(some)), order, START)
    assert codes(made.refused) == ["premedication-unrecorded"]
    assert "but 1 of 3 sessions" in made.refused[0].message


@pytest.mark.req("M6")
def test_the_records_last_dose_holds():
    # An order that says 3 weeks; the record says 10: a first dose again.
    record = CourseRecord(earlier(1, weeks=10))
    order = order_of({"course.last_dose": "2026-10-30"})
    made = planned(record, order, START)
    assert {"last-dose-differs", "first-dose-again"} <= set(codes(made.warnings))
    assert all(day.first_dose for day in made.days)


@pytest.mark.req("M6")
def test_a_clock_that_is_behind_the_record_starts_nothing():
    made = planned(CourseRecord((session(),)), now=START - timedelta(days=1))
    assert "record-in-future" in codes(made.refused)


@pytest.mark.req("M18")
def test_after_half_a_year_a_start_needs_a_recorded_review():
    record = CourseRecord(earlier(6))
    assert codes(planned(record, now=START).refused) == []
    later = START + timedelta(days=20)
    (reason,) = planned(record, now=later).refused
    assert reason.code == "review-due"
    reviewed = record.with_review(Review(later.date(), "Dr A"))
    assert planned(reviewed, now=later).refused == ()
    again = later + timedelta(days=184)
    assert "review-due" in codes(planned(reviewed, now=again).refused)


def test_a_course_needs_an_id():
    order = order_of({"course.id": None})
    assert codes(planned(CourseRecord(earlier(1)), order, START).refused) == ["course-id-missing"]


@pytest.mark.req("M9")
def test_a_powders_mix_is_the_same_on_the_second_day():
    lot = '{ lot = "C", expiry = 2031-01-31, grams = 24, diluent_ml = 397 }'
    changes = {**product("carimune-nf", "pi", "6", lot), "dose.grams": "20", "dose.days": "2"}
    order = order_of(changes)
    one = session(product="carimune-nf", concentration_mg_ml=61, course_mg=20_000, dose_mg=10_000,
                  delivered_mg=10_000, lots=(LotUse("C", date(2031, 1, 31), 10_000),))  # fmt: skip
    first = plan(order, LIBRARY, START.date()).days[0]
    (second,) = planned(CourseRecord((one,)), order).days
    assert second.concentration_mg_ml == first.concentration_mg_ml == 61


# --- never more ---------------------------------------------------------------------------


@st.composite
def records(draw):
    sessions, now = [], START - timedelta(days=draw(st.integers(0, 300)))
    for number in range(draw(st.integers(0, 4))):
        course = draw(st.sampled_from(["2026-11-A", f"C{number}"]))
        ended = now + timedelta(hours=draw(st.integers(0, 6)))
        sessions.append(
            session(
                course=course, day=number + 1, started=now, ended=ended,
                delivered_mg=draw(st.integers(0, 60_000)), first_dose=draw(st.booleans()),
                reaction=draw(st.sampled_from(["none", "none", "none", "mild", "severe"])),
                state=draw(st.sampled_from(["COMPLETE", "COMPLETE", "ALARM_STOPPED"])),
                ceiling_ul_h=draw(st.none() | st.integers(20_000, 400_000)),
                place=draw(st.sampled_from(["clinic", "home"])), lots=(),
            )
        )  # fmt: skip
        now = ended + timedelta(hours=draw(st.integers(12, 24 * 40)))
    reviews = (Review(now.date(), "Dr A"),) if draw(st.booleans()) else ()
    return CourseRecord(tuple(sessions), reviews), now


@pytest.mark.req("M5", "M8", "M18")
@given(records(), st.sampled_from(["clinic", "home"]), st.sampled_from(["naive", "tolerated"]))
def test_a_record_never_gives_more_than_the_order_alone(made_up, place, tolerance):
    record, now = made_up
    order = order_of({"setting.place": f'"{place}"', "patient.tolerance": f'"{tolerance}"'})
    made = plan_in_course(order, LIBRARY, now, record)
    assume(made.days)
    alone = plan(order, LIBRARY, now.date())
    given_mg = sum(one.delivered_mg for one in record.of("2026-11-A"))
    assert given_mg + sum(day.dose_mg for day in made.days) <= 80_000
    assert alone.days
    for day, other in zip(made.days, alone.days, strict=False):
        assert day.dose_mg <= other.dose_mg
        assert day.cap_ul_h <= other.cap_ul_h
        for index, rung in enumerate(day.rungs):
            beside = other.rungs[min(index, len(other.rungs) - 1)]
            assert rung.rate_ul_h <= beside.rate_ul_h
            assert index >= len(other.rungs) or rung.dwell_ms >= beside.dwell_ms
    assert not any(one.reaction == "severe" for one in record.sessions)


# --- the file -----------------------------------------------------------------------------


@given(records())
def test_a_record_is_read_back_as_it_was_written(tmp_path_factory, made_up):
    path = tmp_path_factory.mktemp("record") / "r.json"
    write_record(path, made_up[0])
    assert read_record(path) == made_up[0]


def test_a_new_record_is_empty_and_a_missing_one_is_told(tmp_path):
    assert read_record(tmp_path / "new.json", may_be_new=True) == CourseRecord()
    with pytest.raises(RecordError, match="does not exist, expected a course record"):
        read_record(tmp_path / "new.json")
    with pytest.raises(RecordError, match="its folder does not exist"):
        read_record(tmp_path / "none/new.json", may_be_new=True)


@pytest.mark.req("M5")
def test_a_record_that_was_altered_is_refused(tmp_path):
    path = tmp_path / "r.json"
    text = record_text(CourseRecord((session(reaction="severe"),)))
    for old, new in (("severe", "none"), ('"delivered_mg": 40000', '"delivered_mg": 1'),
                     ("2026-11-20T09", "2026-10-20T09")):  # fmt: skip
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(RecordError, match="sha256: does not fit the content"):
            read_record(path)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda d: d["sessions"][0].update(delivered_mg=-1), "sessions[0].delivered_mg"),
        (lambda d: d["sessions"][0].update(delivered_mg=1.5), "sessions[0].delivered_mg"),
        (lambda d: d["sessions"][0].update(reaction="bad"), "sessions[0].reaction"),
        (lambda d: d["sessions"][0].update(started="yesterday"), "sessions[0].started"),
        (lambda d: d["sessions"][0].update(started="2026-13-40T00:00:00"), "sessions[0].started"),
        (lambda d: d["sessions"][0].update(ended="2020-01-01T00:00:00"), "sessions[0].ended"),
        (lambda d: d["sessions"][0].update(lots=[{"lot": "A"}]), "sessions[0].lots[0].expiry"),
        (lambda d: d["sessions"][0].pop("state"), "sessions[0].state"),
        (lambda d: d["sessions"][0].pop("ceiling_ul_h"), "sessions[0].ceiling_ul_h"),
        (lambda d: d["sessions"][0].update(more=1), "sessions[0].more"),
        (lambda d: d.update(sessions=3), "sessions"),
        (lambda d: d.update(reviews=[{"day": "x", "by": "y"}]), "reviews[0].day"),
        (lambda d: d.update(format=2), "format"),
    ],
)
def test_a_record_that_is_wrong_is_named_by_its_field(tmp_path, change, field):
    from titra.planning.course_record import _checksum

    document = json.loads(record_text(CourseRecord((session(),))))
    change(document)
    del document["sha256"]
    document["sha256"] = _checksum(document)
    path = tmp_path / "r.json"
    path.write_text(json.dumps(document))
    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert field in [problem.field for problem in caught.value.problems]


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\ud800".encode("utf-8", "replace").decode()])
def test_what_is_no_record_is_told(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(RecordError):
        read_record(path)


def test_a_session_that_begins_before_another_ended_is_not_added():
    with pytest.raises(ValueError, match="before the one before it has ended"):
        CourseRecord((session(),)).with_session(session(day=2))


@pytest.mark.req("M13")
@pytest.mark.parametrize(
    ("delivered", "taken"),
    [(0, []), (5, [("A", 5)]), (40, [("A", 10), ("B", 30)]), (41, [("A", 10), ("B", 31)])],
)
def test_lots_are_used_up_in_their_order(delivered, taken):
    day = date(2031, 1, 1)
    uses = (LotUse("A", day, 10), LotUse("B", day, 30))
    assert [(one.lot, one.dose_mg) for one in allot_delivered(uses, delivered)] == taken
