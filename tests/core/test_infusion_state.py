"""`infusion_state`: every state x every event, through `Controller.step`."""

from typing import Any

import pytest
from properties.core_bench import EVENTS, CoreBench, Order

from pump.core import infusion_state as st

STATES = st.STATE_NAMES
DELIVERING = {"INFUSING", "RUNG_HELD", "KVO"}
ENABLED = DELIVERING | {"HOLD", "BACK_OFF"}
ROWS = {(STATES[a], st.EVENT_NAMES[e]): STATES[b] for a, e, b in st.TRANSITIONS}
# From inside the step, never from a person.
INTERNAL = {
    *("POST_PASSED", "POST_FAILED", "ALARM_STOP", "VTBI_DONE", "FAULT"),
    *("OCCLUDED", "BACKED_OFF", "INTERRUPTED", "LATCHED"),
}

# What a person can do from each state, written out by hand from the mission.
BY_HAND = {
    "SELF_TEST": {"STOP"},
    "IDLE": {"COMMIT", "STOP", "ACK", "RESET"},
    "READY": {"COMMIT", "CANCEL", "START", "STOP", "ACK", "RESET"},
    "INFUSING": {"CONFIRM", "STAY", "DOWN", "HOLD", "PAUSE", "STOP", "ACK", "RESET"},
    "RUNG_HELD": {"CONFIRM", "CLIMB", "DOWN", "HOLD", "PAUSE", "STOP", "ACK", "RESET"},
    "HOLD": {"RELEASE", "PAUSE", "STOP", "ACK", "RESET"},
    "PAUSED": {"RESUME", "KVO", "STOP", "ACK", "RESET", "END"},
    "KVO": {"RESUME", "PAUSE", "STOP", "ACK", "RESET"},
    "STOPPED": {"RESET", "STOP", "ACK", "END"},
    "ALARM_STOPPED": {"RESET", "STOP", "ACK", "END"},
    "COMPLETE": {"END", "STOP", "ACK", "RESET"},
    "FAULT": {"STOP", "ACK"},
    "BACK_OFF": {"STOP", "ACK"},
    "SEVERE": {"STOP", "ACK"},
}
# M12: from anyone in a caring role, in every state of a session and beside it.
for may in BY_HAND.values():
    may.add("SEVERE")
BY_HAND["SELF_TEST"].remove("SEVERE")
# Legal cells that answer with a reason of their own in a fresh state.
REFUSED = {
    ("INFUSING", "CONFIRM"): "NO_OPEN_QUESTION",
    ("RUNG_HELD", "CONFIRM"): "NO_OPEN_QUESTION",
    ("INFUSING", "DOWN"): "LOWEST_RUNG",
    ("RUNG_HELD", "DOWN"): "LOWEST_RUNG",
    ("IDLE", "COMMIT"): "RX_INCOMPLETE",
}
CELLS = [(state, event) for state in STATES for event in st.EVENT_NAMES]


def condition(value) -> Any:
    """Everything an object holds, all the way down, to compare."""
    if hasattr(value, "__dict__"):
        return {name: condition(inner) for name, inner in vars(value).items()}
    return value if isinstance(value, (int, str, type(None))) else list(value)


def legal(state: str) -> set[str]:
    return {event for start, event in ROWS if start == state}


# --- the table itself -------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
def test_a_person_can_do_exactly_what_was_written_by_hand(state):
    assert legal(state) - INTERNAL == BY_HAND[state]


def test_no_cell_has_two_rows_and_every_row_names_a_state_and_an_event():
    assert len(ROWS) == len(st.TRANSITIONS)
    assert len(STATES) == st.N_STATES
    assert len(st.EVENT_NAMES) == st.N_EVENTS
    assert all(event != "NONE" for _, event in ROWS)


@pytest.mark.req("L3")
def test_stop_is_legal_everywhere_and_never_leads_to_delivery():
    for state in STATES:
        assert ROWS[state, "STOP"] not in ENABLED


@pytest.mark.req("L3")
def test_stop_of_an_open_session_leads_to_stopped():
    for state in ENABLED | {"PAUSED"}:
        assert ROWS[state, "STOP"] == "STOPPED"


def test_fault_has_no_way_out():
    assert {ROWS[cell] for cell in ROWS if cell[0] == "FAULT"} == {"FAULT"}


@pytest.mark.req("M12")
def test_severe_has_no_way_out_but_fault_and_is_entered_from_everywhere():
    assert {ROWS[cell] for cell in ROWS if cell[0] == "SEVERE"} == {"SEVERE", "FAULT"}
    assert {event for (state, event), after in ROWS.items() if after == "SEVERE"} == {
        *("SEVERE", "STOP", "ACK", "LATCHED")
    }
    for state in set(STATES) - {"SELF_TEST", "FAULT"}:
        assert ROWS[state, "SEVERE"] == "SEVERE"
    assert ROWS["SELF_TEST", "LATCHED"] == "SEVERE"


def test_every_state_falls_into_fault_when_told_to():
    assert {ROWS[state, "FAULT"] for state in STATES} == {"FAULT"}


def test_reset_never_begins_delivery():
    for (state, event), after in ROWS.items():
        if event == "RESET" and state not in ENABLED:
            assert after in {"PAUSED", state} - ENABLED
    assert ROWS["ALARM_STOPPED", "RESET"] == "PAUSED"
    assert ROWS["STOPPED", "RESET"] == "PAUSED"


def test_delivery_begins_only_by_four_events():
    starts = {event for (state, event), after in ROWS.items() if after in DELIVERING - {state}}
    assert starts - {"STAY", "CLIMB"} == {"START", "RESUME", "RELEASE", "KVO"}
    assert {state for state, event in ROWS if event == "START"} == {"READY"}


@pytest.mark.req("L15")
def test_an_alarm_that_stops_ends_every_state_that_is_enabled():
    for state in ENABLED:
        assert ROWS[state, "ALARM_STOP"] == "ALARM_STOPPED"


def test_the_masks_are_the_states_they_are_named_after():
    assert {s for i, s in enumerate(STATES) if st.DELIVERING_STATES >> i & 1} == DELIVERING
    assert {s for i, s in enumerate(STATES) if st.ENABLED_STATES >> i & 1} == ENABLED
    session = {s for i, s in enumerate(STATES) if st.SESSION_STATES >> i & 1}
    assert session == ENABLED | {"PAUSED", "STOPPED", "ALARM_STOPPED"}


def test_the_flat_map_is_the_table():
    cells = st.make_transition_map()
    for i, state in enumerate(STATES):
        for event, number in EVENTS.items():
            after = cells[i * st.N_EVENTS + number]
            expected = ROWS.get((state, event))
            assert (STATES[after] if after != st.ILLEGAL else None) == expected


# --- through the step ---------------------------------------------------------------


# States in which the motor goes on from the rate that it has.
GOES_ON = {("INFUSING", "INFUSING"), ("INFUSING", "RUNG_HELD"), ("RUNG_HELD", "INFUSING")}
GOES_ON |= {(state, state) for state in DELIVERING}


def test_the_table_of_cells_is_complete():
    assert len(CELLS) == 14 * 27


@pytest.mark.parametrize(("state", "event"), CELLS, ids=lambda name: name)
def test_a_cell_is_its_row_or_changes_nothing(bench_in, state, event):
    """State, enable, rate, steps and answer of every state x every event."""
    bench = bench_in(state)
    twin = bench_in(state)
    before = bench.outputs.rate_ul_h
    result = bench.send(event)
    twin.tick()
    out = bench.outputs
    assert out.reverse is False or bench.state == "BACK_OFF"
    if (state, event) not in ROWS:
        refusal = "SEVERE_LATCHED" if state == "SEVERE" else "NOT_IN_THIS_STATE"
        assert result == ("OK" if event == "NONE" else refusal)
    elif (state, event) in REFUSED:
        assert result == REFUSED[state, event]
    else:
        after = ROWS[state, event]
        assert (result, bench.state) == ("OK", after)
        assert out.enable is (after in ENABLED)
        if (state, after) in GOES_ON:
            assert before <= out.rate_ul_h <= before + 100  # 10 mL/h a second
            assert out.steps <= out.rate_ul_h * 10 // 562_500 + 1
        elif after in DELIVERING:
            assert (out.rate_ul_h, out.steps) == (100, 0)  # from zero, by the slew
        elif (state, after) != ("BACK_OFF", "BACK_OFF"):
            assert (out.rate_ul_h, out.steps) == (0, 0)
        return
    assert bench.state == twin.state
    assert condition(bench.controller) == condition(twin.controller)
    same = condition(out)
    same["event_result"] = 0
    assert same == condition(twin.outputs)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.req("L3")
def test_after_stop_nothing_moves_until_somebody_says_so(bench_in, state):
    bench = bench_in(state)
    assert bench.send("STOP") == "OK"
    for _ in range(200):
        assert not bench.is_moving
        assert not bench.outputs.enable
        assert bench.controller.ramp.rate_ul_h == 0  # what STATUS? reports
        bench.tick()
    assert bench.state not in ENABLED


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("dt_ms", [0, 1, 20, 5000])
@pytest.mark.req("L3")
def test_stop_is_never_ramped(bench_in, state, dt_ms):
    bench = bench_in(state)
    bench.send("STOP", dt_ms=dt_ms)
    assert (bench.outputs.rate_ul_h, bench.outputs.steps) == (0, 0)


@pytest.mark.parametrize("event", [e for e in st.EVENT_NAMES if e != "NONE"])
def test_no_event_leaves_fault(bench_in, event):
    bench = bench_in("FAULT")
    for argument in (0, 1, 65_535):
        bench.send(event, argument)
        assert bench.state == "FAULT"
        assert not bench.outputs.enable


@pytest.mark.parametrize("first", [e for e in st.EVENT_NAMES if e != "NONE"])
def test_no_two_events_lead_from_an_alarm_to_delivery(bench_in, first):
    """RESET leads to PAUSED; a second decision of a person is needed to go on."""
    for second in EVENTS:
        bench = bench_in("ALARM_STOPPED")
        bench.send(first)
        if second != "NONE":
            bench.send(second)
        moved = bench.state in DELIVERING
        assert moved == (first == "RESET" and second in {"RESUME", "KVO"})


@pytest.mark.req("L5")
def test_the_three_kinds_of_standing_still_differ(bench_in):
    held, hold, paused = bench_in("RUNG_HELD"), bench_in("HOLD"), bench_in("PAUSED")
    for bench in (held, hold, paused):
        bench.tick()
    assert (held.outputs.enable, held.outputs.rate_ul_h > 0) == (True, True)
    assert (hold.outputs.enable, hold.outputs.rate_ul_h) == (True, 0)
    assert (paused.outputs.enable, paused.outputs.rate_ul_h) == (False, 0)


def test_a_failed_self_test_ends_in_fault():
    bench = CoreBench()
    assert bench.send("POST_FAILED") == "OK"
    assert bench.state == "FAULT"
    assert bench.commit(Order()) == "NOT_IN_THIS_STATE"
