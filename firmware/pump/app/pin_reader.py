"""From pins to the inputs of a step, every tick."""

from pump.guard.guard import REFUSED
from pump.hal import pinout
from pump.hal.guard_timer import BEATS_MASK
from pump.hal.pin_levels import pin_levels

_ENABLE = 1 << pinout.ENABLE
_SOUND_SENSE = 1 << pinout.SOUND_SENSE
# Levels that mean something by themselves; the others are counted, or not ours.
_LEVELS = (
    _ENABLE
    | _SOUND_SENSE
    | 1 << pinout.FLUID
    | 1 << pinout.DOOR
    | 1 << pinout.DROP
    | 1 << pinout.STOP_KEY
    | 1 << pinout.OK_KEY
)


def pin_reader(application):
    """Fill ``application.inputs`` and yield the levels of all pins, once a tick.

    A generator, as its variables cost the board a fifth of what attributes do.
    Levels are looked at one by one only when one of them has changed, or when what
    they mean goes on after it: a key that is being released, a drop.
    """
    inputs = application.inputs
    guard_timer = application.guard_timer
    stepper = application.stepper
    journal = application.journal
    bench = application.bench
    read_pressures = application.sensors.read_pressures
    read_levels = application.sensors.read_levels
    read_keys = application.keys.read
    new_steps = application.step_counter.new_edges
    new_turns = application.encoder.new_edges
    new_back_turns = application.reverse.new_edges
    seen = 0
    seen_beats = guard_timer.beats
    is_changing = True

    while True:
        levels = pin_levels()
        read_pressures(inputs)
        if is_changing or levels & _LEVELS != seen:
            seen = levels & _LEVELS
            read_levels(inputs, levels)
            is_changing = read_keys(inputs, levels) or inputs.drop or bench is not None
            inputs.sound_heard = levels & _SOUND_SENSE != 0
            inputs.enable_level = levels & _ENABLE != 0
        inputs.step_edges = new_steps()
        turns = new_turns()
        inputs.encoder_edges = turns
        # They are some of those, so there are none without them.
        inputs.reverse_edges = new_back_turns() if turns else 0
        inputs.queue_dropped = stepper.queue_dropped
        inputs.guard_trip = REFUSED if guard_timer.refused else guard_timer.trip
        beats = guard_timer.beats
        inputs.guard_beats = beats - seen_beats & BEATS_MASK
        seen_beats = beats
        inputs.lease_steps = journal.lease_steps
        inputs.clock_seconds = 0
        if bench is not None:
            bench.read(inputs)
        yield levels
