"""F2: 0070, .5, 5., 1e3, NaN, a line of 10 kB."""

import pytest
from fault_bench import delivered_steps, refusal
from pump_bench import Bedside
from what_if import what_if

from host_sim.client import crc16, frame

NUMBERS = (
    "0070", "00000000000000000000000000000000070", "70", ".5", "5.", "0.5", "1e3", "1E3", "NaN",
    "nan", "inf", "-70", "+70", "0x70", "7_0", "70,", "7O", "", "99999999999999999999",
    "1073741824", "2147483648", "4294967366", "\u0663",
)  # fmt: skip
LINE_MAX = 96
# Arguments of PROGRAM, in the order of RX?'s line 0.
PLACES = range(5)
PROGRAM = ["50000", "1500", "30", "70000", "60000"]


@pytest.fixture(scope="module")
def idle() -> Bedside:
    bed = Bedside()
    bed.client.hello()
    return bed


def sent(bed: Bedside, data: bytes, seconds: float = 0.3) -> str:
    bed.board.usb.host_read()
    bed.board.usb.host_write(data)
    bed.board.run_until(bed.board.now_us + int(seconds * 1e6))
    return bed.board.usb.host_read().decode()


@pytest.mark.req("F2")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_read_back_as_what_it_says_or_refused_with_a_reason(idle, number):
    def put(place: int) -> tuple[str, str]:
        words = list(PROGRAM)
        words[place] = number
        seq = int(idle.client.status()["last_seq"]) + 1
        text = f"{seq} PROGRAM {' '.join(words)} 1"
        body = text.encode("utf-8")
        answer = sent(idle, body + b"*%04X\n" % crc16(body))
        if f"{seq} OK" in answer:
            return "", idle.client.query("RX?", 0)[1 + place]
        assert " ERR " in answer, answer
        return answer.split(" ERR ")[1].split()[0], ""

    for place in PLACES:
        code, read_back = what_if(lambda place=place: put(place))
        if code:
            assert code in {"BAD_ARGUMENT", "OUT_OF_RANGE", "BAD_FRAME", "TOO_LONG"}
        else:
            assert number.isascii() and number.isdigit()
            assert int(read_back) == int(number)


@pytest.mark.req("F2", "L3")
@pytest.mark.parametrize("number", NUMBERS)
def test_after_an_odd_number_the_line_goes_on(idle, number):
    def go_on() -> tuple[str, str, str]:
        sent(idle, frame(f"9 RUNG 0 {number} 600") if number.isascii() else b"\xff\xfe\n")
        return idle.state(), refusal(idle, "PROGRAM", *PROGRAM, 1), refusal(idle, "START")

    assert what_if(go_on) == ("IDLE", "", "NOT_IN_THIS_STATE")


LONG_LINES = {
    "digits": b"9" * 10_000 + b"\n",
    "words": b"1 " * 5000 + b"\n",
    "no end": b"A" * 10_000,
    "stars": b"*" * 10_000 + b"\n",
    "zeros before a number": b"1 PROGRAM " + b"0" * 10_000 + b"70 1\n",
    "many lines": b"?\n" * 5000,
}


@pytest.mark.req("F2", "L22")
@pytest.mark.parametrize("line", LONG_LINES)
def test_ten_kilobytes_change_no_step_and_stop_is_heard_behind_them(pump, line):
    """How many of them a tick reads is a matter of its time, which stands still here:
    tests/emulator/test_chip_host.py."""

    def long_line(bed, data: bytes) -> tuple[int, bool, bool]:
        bed.board.usb.host_write(data)
        while bed.board.usb.waiting():
            bed.board.run_tick()
        bed.board.run_until(start_us + 2_000_000)
        digest = bed.board.edge_digest
        stop_us = bed.board.now_us
        bed.board.usb.host_write(b"\nSTOP\n")
        bed.board.run_until(stop_us + 1_000_000)
        late = bed.board.last_edge_us - stop_us > 50_000
        return digest, bed.is_enabled() or late, delivered_steps(bed) > 0

    start_us = pump.bed.board.now_us
    quiet = pump.ask(lambda bed: long_line(bed, b""))
    loud = pump.ask(lambda bed: long_line(bed, LONG_LINES[line]))
    assert loud[0] == quiet[0]
    assert loud[1] is False


@pytest.mark.req("F2")
def test_a_stop_that_ends_a_line_of_ten_kilobytes_stops(pump):
    """A line whose last word is STOP stops, whatever stands before it."""

    def stop(bed) -> bool:
        bed.board.usb.host_write(b"7 " * 5000 + b"STOP\n")
        bed.board.run_until(bed.board.now_us + 2_000_000)
        return bed.is_enabled()

    assert pump.ask(stop) is False
