"""Hosts that are silent, deaf, loud or many: the motor does not notice.

"The same motion" is the same STEP edges to the microsecond as those of a pump
that is left alone.
"""

from collections.abc import Callable
from random import Random

import pytest
from pump_bench import TICK_US, Bedside, program

from host_sim.client import Refused, frame, unframe
from host_sim.links import LinkError
from pump.protocol.messages import MESSAGES

LADDER = program((60_000, 600), (120_000, 600), ml=20)
MINUTE_US = 60_000_000


def infusing(**settings) -> Bedside:
    return Bedside(seed=3).start(program((60_000, 600), (120_000, 600), ml=20, **settings))


def motion_of_a_minute(disturb: Callable[[Bedside], None]) -> tuple[Bedside, list[int]]:
    """A minute from START on, with ``disturb`` at its beginning."""
    bed = infusing()
    disturb(bed)
    bed.listen(60)
    return bed, bed.edges()


@pytest.fixture(scope="module")
def undisturbed() -> list[int]:
    return motion_of_a_minute(lambda bed: None)[1]


# --- one host ----------------------------------------------------------------------------


@pytest.mark.req("L21")
@pytest.mark.parametrize("timeout_s", (1, 5, 60))
def test_a_silent_host_that_is_required_stops_the_pump_within_500_ms_of_the_time_out(timeout_s):
    bed = infusing(link_timeout_s=timeout_s)
    bed.client.request("STATUS?")
    silent_us = bed.board.now_us
    bed.fault("link-silent")
    bed.listen(timeout_s + 2)
    assert bed.alarms() == ["LINK_SILENT"]
    assert not bed.is_enabled()
    assert bed.board.last_edge_us - silent_us <= timeout_s * 1_000_000 + 500_000
    (fall,) = bed.changes("ENABLE", silent_us)
    assert fall.us - silent_us >= timeout_s * 1_000_000 - 50_000


@pytest.mark.req("L21")
def test_a_required_host_that_asks_now_and_then_keeps_the_pump_going():
    bed = infusing(link_timeout_s=5)
    for _ in range(20):
        bed.client.request("STATUS?")
        bed.listen(4.5)
    assert bed.alarms() == []
    assert bed.is_enabled()


@pytest.mark.req("L21")
def test_somebody_who_looks_on_is_not_the_host():
    """Queries by hand do not stand for the host that the infusion needs."""
    bed = infusing(link_timeout_s=5)
    for _ in range(3):
        bed.client.status()
        bed.listen(2)
    assert bed.alarms() == ["LINK_SILENT"]


@pytest.mark.req("L21")
def test_noise_and_refused_lines_are_not_a_host():
    bed = infusing(link_timeout_s=5)
    for second in range(7):
        bed.send_at(bed.board.now_us + second * 1_000_000, b"\xff\x00hello\n77 START*0000\n")
    bed.listen(8)
    assert bed.alarms() == ["LINK_SILENT"]


@pytest.mark.req("L21")
def test_a_stand_alone_infusion_goes_on_with_the_cable_pulled(undisturbed):
    bed, edges = motion_of_a_minute(lambda bed: bed.fault("link-silent"))
    assert edges == undisturbed
    bed.listen(400)
    assert bed.alarms() == []


@pytest.mark.req("L21")
def test_after_a_silence_the_pump_goes_on_only_when_somebody_says_so():
    bed = infusing(link_timeout_s=5)
    bed.fault("link-silent")
    bed.listen(10)
    at_stop = bed.board.step_edges
    bed.undo("link-silent")
    for _ in range(5):
        bed.client.status()
        bed.listen(2)
    assert bed.board.step_edges == at_stop
    bed.client.request("RESET")
    bed.client.request("RESUME")
    assert bed.listen(4).board.step_edges > at_stop


@pytest.mark.req("L22", "F26")
def test_a_host_that_does_not_read_changes_no_step_and_its_lines_are_counted(undisturbed):
    bed, edges = motion_of_a_minute(lambda bed: bed.fault("host-stops-reading"))
    assert edges == undisturbed
    bed.undo("host-stops-reading")
    bed.listen(2)
    assert int(bed.client.query_fields("LINK?")["dropped"]) > 10
    counts = [int(line.fields["count"]) for line in bed.heard if line.mark == "!T"]
    assert any(b - a > 10 for a, b in zip(counts, counts[1:], strict=False))


@pytest.mark.req("L22")
@pytest.mark.req("L3")
def test_stop_works_with_a_host_that_does_not_read():
    bed = infusing().listen(10)
    bed.fault("host-stops-reading")
    bed.listen(30)
    fed_us = bed.board.now_us + 1234
    bed.send_at(fed_us, b"STOP\n")
    bed.listen(1)
    assert bed.board.last_edge_us - fed_us <= 50_000
    assert not bed.is_enabled()


@pytest.mark.req("L22", "F26")
def test_a_megabyte_of_noise_in_a_second_changes_no_step(undisturbed):
    bed, edges = motion_of_a_minute(lambda bed: bed.fault("host-flood"))
    assert edges == undisturbed
    bed.client.hello()
    assert int(bed.client.status()["refused"]) > 100


READING_US = 43  # a byte costs on an RP2040 (facts/platform.md)


def with_slow_reading(bed: Bedside) -> Bedside:
    """A board on which reading a byte takes the time that it takes."""
    read = bed.board.usb.readinto

    def readinto(buffer: bytearray) -> int:
        bed.board.advance(READING_US)
        return read(buffer)

    bed.board.usb.readinto = readinto
    return bed


@pytest.mark.req("L1")
@pytest.mark.req("L22")
@pytest.mark.parametrize("flood", [b"\n", b"x\n", b"STATUS?\n", b"noise without an end "])
def test_a_flood_of_lines_however_short_takes_a_share_of_a_tick_only(flood):
    bed = with_slow_reading(Bedside(seed=3)).start(LADDER).listen(10)
    flooded_us, before = bed.board.now_us, bed.board.resets
    bed.board.usb.host_write(flood * (50_000 // len(flood)))
    longest_us = 0
    for _ in range(200):
        began_us = bed.board.now_us
        bed.board.run_tick()
        longest_us = max(longest_us, bed.board.now_us - began_us)
    assert longest_us <= 2 * TICK_US
    assert bed.board.resets == before
    assert bed.board.last_edge_us > flooded_us + 1_500_000


@pytest.mark.req("L22")
def test_a_query_that_nobody_answers_is_given_up_whenever_it_is_asked(bed):
    bed.fault("link-silent")
    for _ in range(20):
        bed.board.run_until(bed.board.now_us + 10_000)
        with pytest.raises(LinkError):
            bed.client.query("STATUS?")


# --- other hosts -------------------------------------------------------------------------


@pytest.mark.req("L22")
@pytest.mark.parametrize(
    "trouble",
    {
        "half a line": b"12 PAU",
        "a wrong CRC": b"7 PAUSE*0000\n",
        "no CRC": b"7 PAUSE\n",
        "a typed verb": b"PAUSE\n",
        "a SEQ that was had": frame("1 PAUSE"),
        "a SEQ of the future": frame("900 PAUSE"),
        "another table": frame("0 HELLO 1 1"),
        "a notice": b"!BUSY\n",
        "a telnet client": b"\xff\xfb\x1f\xff\xfb\x20GET / HTTP/1.1\r\nHost: pump\r\n\r\n",
        "control-C": b"\x03\x03\r\x01\x04\n",
    }.items(),
    ids=lambda item: item[0],
)
def test_a_further_client_changes_no_step(undisturbed, trouble):
    def disturb(bed: Bedside) -> None:
        for second in (1, 7, 20):
            bed.send_at(bed.board.now_us + second * 1_000_000 + 777, trouble[1])

    _, edges = motion_of_a_minute(disturb)
    assert edges == undisturbed


@pytest.mark.req("L22")
def test_a_megabyte_from_a_further_client_changes_no_step(undisturbed):
    random = Random(4)

    def disturb(bed: Bedside) -> None:
        for burst in range(10):
            noise = random.randbytes(100_000)
            bed.send_at(bed.board.now_us + burst * 100_000, noise)

    bed, edges = motion_of_a_minute(disturb)
    assert edges == undisturbed


@pytest.mark.req("L22", "F22")
@pytest.mark.parametrize(
    ("trouble", "counter"),
    [
        (b"7 PAUSE*0000\n", "crc"),
        (b"7 PAUSE\n", "frame"),
        (b"PAUSE\n", "frame"),
        (b"GET / HTTP/1.1\r\n", "verb"),
        (frame("1 PAUSE"), "seq"),
        (frame("900 PAUSE"), "seq"),
        (b"x" * 97 + b"\n", "long"),
        (frame("0 HELLO 1 1"), "hello"),
        (b"!BUSY\n", "turned_away"),
        (b"RX?\n", "argument"),
    ],
)
def test_what_a_further_client_sends_is_counted_by_kind_and_in_status(bed, trouble, counter):
    bed.start(LADDER)
    refused = int(bed.client.status()["refused"])
    before = bed.client.query_fields("LINK?")
    bed.link.write(trouble)
    bed.listen(0.2)
    after = bed.client.query_fields("LINK?")
    changed = {name for name in after if after[name] != before[name]} - {"lines"}
    assert changed == {counter}
    assert int(after[counter]) == int(before[counter]) + 1
    assert int(bed.client.status()["refused"]) == refused + 1


@pytest.mark.req("L22")
def test_every_line_of_the_pump_is_whole_while_noise_comes_in(bed):
    bed.start(LADDER)
    random = Random(9)
    verbs = [row[0] for row in MESSAGES]
    for _ in range(200):
        bed.link.write(random.choice(verbs) + random.randbytes(random.randrange(20)) + b"\n")
        bed.listen(0.05)
    bed.listen(1)
    assert bed.client.bad == 0
    assert unframe(b"nonsense*0000") is None


# --- resets and power cuts -----------------------------------------------------------------


@pytest.mark.req("L7", "F34")
@pytest.mark.parametrize("fault", ("reset", "power-cut", "cpu-hang"))
@pytest.mark.parametrize("verb", (None, "STAY", "HOLD", "PAUSE", "STOP"))
def test_a_reset_in_the_middle_never_resumes_by_itself(fault, verb):
    bed = infusing().listen(20)
    if verb == "STOP":
        bed.client.stop()
    elif verb:
        bed.client.request(verb)
    reset_us = bed.board.now_us + 3333
    bed.fault_at(reset_us, fault)
    bed.board.run_until(reset_us + 60_000)
    turned = bed.board.line.motor_steps
    bed.listen(30)
    assert bed.board.resets == 1
    # The self-test pulses STEP with the driver off, and ENABLE without a step.
    assert bed.board.line.motor_steps == turned
    enable = bed.changes("ENABLE", reset_us + 60_000)
    assert [pin.level for pin in enable] == [1, 0]
    assert enable[1].us - enable[0].us <= 34_000
    assert bed.state() == "ALARM_STOPPED"
    assert bed.alarms() == ["INTERRUPTED"]
    assert bed.changes("SOUND", enable[1].us)


@pytest.mark.req("L19", "F34")
@pytest.mark.parametrize("fault", ("reset", "power-cut", "cpu-hang"))
@pytest.mark.parametrize("at_s", (2, 20, 47.11))
def test_the_volume_recovered_after_a_reset_is_never_below_the_true_one(fault, at_s):
    bed = infusing().listen(at_s)
    bed.fault(fault)
    bed.listen(12)
    recovered = int(bed.client.query_fields("MOTION?")["counted_steps"])
    assert 0 <= recovered - bed.board.line.motor_steps <= 6400
    assert int(bed.client.status()["delivered_ul"]) == int(recovered / 6.4)


@pytest.mark.req("L19", "L8")
def test_a_session_that_is_resumed_after_a_reset_delivers_no_step_too_many():
    bed = Bedside(seed=3).start(program((120_000, 600), ml=3)).listen(30)
    bed.fault("power-cut")
    bed.listen(12)
    at_reset = bed.board.line.motor_steps
    recovered = int(bed.client.query_fields("MOTION?")["counted_steps"])
    bed.client.hello()
    bed.client.request("RESET")
    bed.client.request("RESUME")
    bed.listen(90)
    assert bed.state() == "COMPLETE"
    assert bed.board.line.motor_steps - at_reset == 3 * 6400 - recovered


@pytest.mark.req("L7", "F34")
def test_after_a_reset_lines_of_before_start_nothing_and_a_person_goes_on_at_rung_0(bed):
    bed.start(LADDER).listen(10)
    order = bed.client.query("ORDER?", 0)
    bed.fault("power-cut")
    bed.listen(8)
    at_reset = bed.board.step_edges
    for line in ("1 START", "1 RESUME", "8 RESUME", "8 START"):
        bed.link.write(frame(line))
    bed.listen(10)
    assert bed.board.step_edges == at_reset
    assert bed.client.query("ORDER?", 0) == order
    bed.client.hello()
    with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
        bed.client.request("RESUME")
    bed.client.request("RESET")
    assert bed.state() == "PAUSED"
    assert bed.listen(2).board.step_edges == at_reset
    bed.client.request("RESUME")
    assert bed.listen(5).board.step_edges > at_reset
    assert bed.client.status()["rung"] == "0"


@pytest.mark.req("L7")
def test_the_boot_line_names_the_cause_of_the_reset(bed):
    bed.start(LADDER).listen(5)
    for fault, cause in (("reset", "3"), ("power-cut", "1")):
        bed.fault(fault)
        bed.listen(3)
        boots = [line for line in bed.heard if line.mark == "!B"]
        assert boots[-1].fields["reset_cause"] == cause


@pytest.mark.req("L7")
def test_after_a_reset_a_new_order_is_delivered_whole(bed):
    bed.start(LADDER).listen(10)
    bed.fault("reset")
    bed.client.hello()
    bed.client.request("END")
    before = bed.board.step_edges
    bed.start(program((1_200_000, 600), ml=1)).listen(30)
    assert bed.state() == "COMPLETE"
    assert bed.board.step_edges - before == 6400
