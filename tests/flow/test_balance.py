"""A balance over a serial line: what it says is read, and what goes wrong is one line."""

import itertools

import pytest

from hil_tests.flow.balance import Balance, BalanceError, record
from hil_tests.flow.simulated_balance import Pan, SimulatedBalance

pytestmark = pytest.mark.req("M22")


def message(reader, ask=None):
    with pytest.raises(BalanceError) as raised:
        (ask or reader.weight)()
    text = str(raised.value)
    assert "\n" not in text
    assert reader.name in text
    return text


def test_a_weight_is_read_with_its_unit_and_its_last_digit(bench):
    _, reader = bench()
    reading = reader.weight()
    assert (reading.grams, reading.is_stable, reading.readability_g) == (100.0, True, 0.01)
    assert reader.serial_number == "B123456789"


def test_a_weight_that_moves_is_not_stable(bench, clock):
    _, reader = bench(Pan(lambda t_s: t_s))
    clock.sleep(12.34)
    reading = reader.weight()
    assert (reading.grams, reading.is_stable) == (12.34, False)
    assert "does not settle" in message(reader, reader.stable_weight)


def test_a_weight_below_nothing_is_read(bench):
    _, reader = bench(Pan(lambda t_s: -3.5))
    assert reader.weight().grams == -3.5


def test_tare_and_zero_count_what_is_on_the_pan_as_nothing(bench):
    _, reader = bench()
    assert reader.tare().grams == 100.0
    assert reader.weight().grams == 0.0
    simulated, reader = bench()
    reader.zero()
    assert reader.weight().grams == 0.0
    simulated.is_busy = True
    assert "cannot weigh now" in message(reader, reader.zero)


def test_a_stream_is_read_until_nobody_wants_more(bench):
    _, reader = bench()
    readings = list(itertools.islice(reader.stream(), 3))
    assert [reading.grams for reading in readings] == [100.0] * 3


def test_after_a_stream_was_left_the_next_answer_belongs_to_the_next_question(bench):
    simulated, reader = bench()
    stream = reader.stream()
    next(stream)
    simulated.pan = Pan(lambda t_s: 55.0)
    stream.close()
    assert reader.weight().grams == 55.0


def test_half_a_line_waits_for_its_other_half(bench):
    simulated, reader = bench()
    simulated.lines_in_halves = True
    assert [reader.weight().grams for _ in range(5)] == [100.0] * 5


def test_a_garbled_answer_is_asked_for_again(bench):
    simulated, reader = bench()
    simulated.garbled = 2
    assert reader.weight().grams == 100.0
    # Nothing that is left of it is taken for the next answer.
    simulated.pan = Pan(lambda t_s: 55.0)
    assert reader.weight().grams == 55.0


def test_a_line_that_stays_garbled_is_told(bench):
    simulated, reader = bench()
    simulated.garbled = 99
    assert "check baud rate" in message(reader)


def test_another_unit_is_told(bench):
    simulated, reader = bench()
    simulated.unit = "oz"
    assert "weighs in oz, expected g" in message(reader)


def test_overload_and_underload_are_told(bench):
    simulated, reader = bench()
    simulated.most_g = 50.0
    assert "overloaded" in message(reader)
    simulated.pan = Pan(lambda t_s: -30.0)
    assert "below its range" in message(reader)


def test_a_balance_that_says_nothing_is_told(bench):
    simulated, reader = bench()
    simulated.is_silent = True
    assert "no answer to SI within 0.4 s" in message(reader)


def test_a_balance_that_is_silent_from_the_start_is_told(clock):
    with SimulatedBalance(Pan(lambda t_s: 0.0), clock.now) as simulated:
        simulated.is_silent = True
        with pytest.raises(BalanceError, match="no answer to @ within 0.2 s"):
            Balance(simulated.port, answer_s=0.2)


def test_another_command_set_is_told(clock):
    with SimulatedBalance(Pan(lambda t_s: 0.0), clock.now) as simulated:
        simulated.knows_mt_sics = False
        with pytest.raises(BalanceError, match="set its interface to MT-SICS"):
            Balance(simulated.port, answer_s=0.2)


def test_a_port_that_is_not_there_is_told():
    with pytest.raises(BalanceError, match="No such file or directory"):
        Balance("/dev/no-such-balance")


def test_a_balance_that_is_unplugged_is_told(bench):
    simulated, reader = bench()
    simulated.close()
    assert message(reader)


def test_a_recording_has_a_reading_each_half_minute_from_zero_on(bench, clock):
    _, reader = bench(Pan(lambda t_s: t_s / 60))
    readings = record(reader, 5, 30.0, clock.sleep, clock.now)
    assert [reading.t_s for reading in readings] == [30.0 * n for n in range(11)]
    assert [reading.grams for reading in readings] == [round(n / 2, 2) for n in range(11)]
