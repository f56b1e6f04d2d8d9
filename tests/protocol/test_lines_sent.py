"""Every line of the device fits into 96 bytes, whatever the numbers, and is whole."""

from os import urandom
from types import SimpleNamespace

import pytest
from wire import LINE_MAX, Wire, crc, framed

from host_sim.simulator_key import SIMULATOR_KEY
from pump.app.calibrator import MISSING, Calibrator
from pump.app.host_link import HostLink
from pump.app.screen import Screen
from pump.app.telemetry import Telemetry
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import limits, reasons, roles, self_test_items, titration
from pump.core.calibration import IS_CALIBRATED
from pump.core.prescription import Prescription
from pump.hal.oled import Oled
from pump.protocol import messages, session
from pump.protocol.authentication import Authentication
from pump.protocol.framing import Crc16, LineWriter

LONGEST_STATE = max(range(st.N_STATES), key=lambda s: len(st.STATE_NAMES[s]))
LONGEST_ALARM = max(ac.ALARM_CONDITIONS, key=lambda row: len(row[ac.COL_NAME]))[0]
ALL_ALARMS = (1 << ac.N_CONDITIONS) - 1
STEPS_MAX = limits.VTBI_MAX_UL * 64 // 10
# A device that has run for 34 years, and has lost time for all of it.
SMALL_INT_MAX = (1 << 30) - 1


class Sent:
    """In place of the USB line: each line judged as it is sent."""

    dropped = 9_999_999

    def __init__(self):
        self.lines: list[bytes] = []

    def send(self, data: bytearray, length: int) -> bool:
        line = bytes(data[:length])
        assert line.endswith(b"\n"), line
        assert length <= LINE_MAX + 1, line
        if line == b"\n":  # before the first line after a boot
            return True
        body, star, check = line[:-1].rpartition(b"*")
        assert star, line
        assert check == b"%04X" % crc(body), line
        self.lines.append(line)
        return True


def at_its_most() -> SimpleNamespace:
    """What the lines read of a controller, each number at its widest."""
    rx = Prescription()
    rx.set_program(limits.VTBI_MAX_UL, 200_000, 120, limits.WEIGHT_MAX_G, 1_200_000, 12)
    rx.set_settings(10_000, 1000, 130_000, 1800, 300)
    for i in range(12):
        rx.set_rung(i, 1_200_000, 7200)
    return SimpleNamespace(
        state=LONGEST_STATE,
        rx=rx,
        staged=rx,
        session=SMALL_INT_MAX,
        late_ms=SMALL_INT_MAX,
        ramp=SimpleNamespace(rate_ul_h=1_200_000),
        volume=SimpleNamespace(
            delivered_ul=lambda: limits.VTBI_MAX_UL,
            vtbi_steps=STEPS_MAX,
            granted_steps=STEPS_MAX,
            counted_steps=STEPS_MAX,
            missing_steps=STEPS_MAX,
        ),
        alarms=SimpleNamespace(
            active=ALL_ALARMS,
            acknowledged=ALL_ALARMS,
            first=lambda: LONGEST_ALARM,
            needs_supervisor=lambda: True,
            audio_paused_ms=120_000,
        ),
        titration=SimpleNamespace(
            rung=11,
            question_id=65_535,
            question=titration.QUESTION_STEP_UP,
            due=titration.QUESTION_STEP_UP,
            asked_ms=300_000,
        ),
        open_question=lambda: 65_535,
    )


class WidestLog:
    """A journal whose records and numbers are as wide as they can be."""

    log = SimpleNamespace(first_seq=SMALL_INT_MAX, next_seq=SMALL_INT_MAX, broken_seq=SMALL_INT_MAX)
    day, ms = 36_524, 86_399_999
    fram_fitted = clock_fitted = date_known = ok = True
    on_bench = 2

    def read_record(self, n: int) -> bool:
        return True

    def write_log_line(self, writer: LineWriter) -> None:
        for value in (999_999_999, 36_524, 86_399_999, 255, 255, *[-SMALL_INT_MAX] * 2):
            writer.field(value)
        writer.field(65_535)
        writer.field(65_535)


def link_of(sent: Sent) -> HostLink:
    """With everything fitted, and everything at its widest."""
    serial = "E661541A" + "F" * 8
    items, results = self_test_items.ITEM_NAMES, self_test_items.RESULT_NAMES
    return HostLink(
        sent,
        at_its_most(),
        serial,
        Authentication(serial, None, urandom),
        WidestLog(),
        SimpleNamespace(
            result=results.index(max(results, key=len)),
            item=items.index(max(items, key=len)),
            absent_mask=SMALL_INT_MAX,
        ),
        SimpleNamespace(set_key=lambda key: True),
        widest_calibrator(),
        SimpleNamespace(
            spent_us=lambda: 0,
            stamps=[(1 << 30) - 1] * 4,
            ticks=100_000,
            busy_us=100_000 * 10_000,
            busy_max_us=1_000_000,
            late_max_us=1_000_000,
            count_anew=lambda: None,
        ),
        # Its rows are as long as they are, whatever they say.
        Screen(Oled(SimpleNamespace(writeto=lambda address, data: None)), at_its_most()),
    )


def widest_calibrator() -> Calibrator:
    """Every figure of it as long as it gets."""
    store = SimpleNamespace(read=lambda name, buffer: MISSING, write=lambda *record: True)
    made = Calibrator(
        store,
        SimpleNamespace(day=36_524, date_known=True),
        SimpleNamespace(down_counts=4095, up_counts=4095),
    )
    made.stage(0, 618_750, 0)
    for part in (1, 2):
        made.stage(part, 24_112, 5139)
    made.state = IS_CALIBRATED
    made.in_force.copy(made.staged)
    return made


@pytest.mark.req("L22")
def test_every_answer_to_a_query_fits_at_its_widest():
    sent = Sent()
    link = link_of(sent)
    link.session.last_seq = 65_534
    for counter in range(session.N_COUNTERS):
        for _ in range(100_001):
            link.session.count(counter)
    link.authentication.role = roles.MAINTENANCE
    for index, row in enumerate(messages.MESSAGES):
        if row[messages.COL_KIND] == messages.QUERY:
            arguments = [0]
            for _, least, most, _ in row[messages.COL_ARGUMENTS]:
                arguments = [*range(least, min(most, 99) + 1), most]
            for argument in arguments:
                before = len(sent.lines)
                link.session.seq = 65_535
                link.session.message = index
                link.session.arguments[0] = argument
                link.answers.has_read_log = False  # one record a tick
                link.replies.say(65_535, link.answers.take(index), row[messages.COL_VERB])
                link.replies.write_out()
                assert len(sent.lines) > before
                assert b" OK " in sent.lines[-1]


def test_the_answer_to_a_challenge_fits():
    sent = Sent()
    link = link_of(sent)
    link.authentication.set_key(SIMULATOR_KEY)
    link.session.seq = 65_535
    link.session.message = messages.M_CHALLENGE
    link.session.arguments[0] = roles.MAINTENANCE
    reason = link._log_in.begin(messages.M_CHALLENGE, roles.MAINTENANCE)
    link.replies.say(65_535, reason, b"CHALLENGE")
    link.replies.write_out()
    assert len(sent.lines[0].split(b",")[1]) == 32 + len("*0000\n")


@pytest.mark.parametrize("reason", range(1, len(reasons.REASONS)))
def test_every_refusal_fits_with_the_longest_seq(reason):
    sent = Sent()
    link = link_of(sent)
    link.session.seq = 65_535
    link._refuse(reason)
    link.replies.write_out()
    assert reasons.REASONS[reason][1].encode() in sent.lines[0]


def test_every_pushed_line_fits_at_its_widest():
    sent = Sent()
    clock = SimpleNamespace(seconds=SMALL_INT_MAX, micros=999_999)
    controller = at_its_most()
    telemetry = Telemetry(sent, controller, clock, Crc16())
    telemetry._count = 99_998
    telemetry._state = LONGEST_STATE - 1
    telemetry.announce(SMALL_INT_MAX, 65_535, 0)
    inputs = SimpleNamespace(dt_ms=10_000, down_pa=-100_010, up_pa=-100_010)
    outputs = SimpleNamespace(raised=ALL_ALARMS, cleared=ALL_ALARMS, rate_ul_h=1_200_000)
    telemetry.step(inputs, outputs, inputs.dt_ms)
    while telemetry.is_writing:
        telemetry.write_on()
    marks = [line[:2] for line in sent.lines]
    assert set(marks) == {mark for mark, _, _ in messages.PUSHED}
    assert marks.count(b"!A") == 2 * ac.N_CONDITIONS


def test_a_line_that_would_not_fit_is_cut_and_fails_its_crc():
    """What the tests above would see if a field were added that does not fit."""
    writer = LineWriter(Crc16())
    writer.begin()
    for _ in range(13):
        writer.field(99_999_999)
    writer.finish()
    with pytest.raises(AssertionError):
        Sent().send(writer.data, writer.length)


def test_every_line_of_an_infusion_with_alarms_is_whole():
    """Wire checks each line that comes."""
    wire = Wire(seed=4_294_967_295)
    seq = wire.start()
    wire.listen(20_000)
    wire.board.open_door(True)
    wire.listen(2_000)
    wire.board.open_door(False)
    for line in ("ACK", "RESET", "RESUME", "HELP? 1", "ALARMS?", "QUESTION?", "MOTION?"):
        wire.send(framed(f"{seq} {line}"), ms=500)
        seq += 1
    wire.listen(5_000)
    marks = {line[:2] for line in wire.lines if line.startswith(b"!")}
    assert marks == {b"!B", b"!T", b"!A", b"!S"}


def test_device_time_is_seconds_and_six_digits_of_microseconds():
    wire = Wire()
    wire.listen(10)
    said = wire.listen(30_000)
    times = [line.split(b",")[2].decode() for line in said if line.startswith(b"!T")]
    assert len(times) == 30
    for earlier, later in zip(times, times[1:], strict=False):
        seconds, micros = later.split(".")
        assert len(micros) == 6
        assert float(later) - float(earlier) == pytest.approx(1, abs=0.081)  # one tick in eight
        assert int(seconds) <= wire.board.now_us // 1_000_000
