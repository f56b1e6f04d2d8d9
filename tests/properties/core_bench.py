"""The core on a bench: a controller, a healthy line and a motor with a queue.

Nothing here decides anything: ``CoreBench`` only plays what stands around
``Controller.step`` on the board, at the speed of a loop.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import reasons
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs

EVENTS = {name: number for number, name in enumerate(st.EVENT_NAMES)}
HEALTHY_DOWN_PA = 5000
HEALTHY_UP_PA = 6000


@dataclass(frozen=True)
class Order:
    """A prescription in the units of the core; ``rungs`` are (uL/h, s)."""

    vtbi_ul: int = 400_000
    dose_mg: int = 40_000
    concentration_mg_ml: int = 100
    weight_g: int = 70_000
    cap_ul_h: int = 180_000
    rungs: tuple[tuple[int, int], ...] = ((60_000, 600), (120_000, 600), (180_000, 600))
    slew_ul_h_s: int = 10_000
    kvo_ul_h: int = 500
    occlusion_pa: int = 60_000
    check_s: int = 1800
    link_timeout_s: int = 0

    def but(self, **changes) -> Order:
        """This order with some fields changed."""
        return replace(self, **changes)

    def stage(self, rx) -> None:
        """Write it into a prescription, as the host's lines would."""
        rx.set_program(
            self.vtbi_ul,
            self.dose_mg,
            self.concentration_mg_ml,
            self.weight_g,
            self.cap_ul_h,
            len(self.rungs),
        )
        rx.set_settings(
            self.slew_ul_h_s, self.kvo_ul_h, self.occlusion_pa, self.check_s, self.link_timeout_s
        )
        for index, (rate, dwell) in enumerate(self.rungs[:12]):
            rx.set_rung(index, rate, dwell)

    @classmethod
    def of(cls, rx) -> Order:
        """What a prescription holds, as it would be read back."""
        return cls(
            rx.vtbi_ul,
            rx.dose_mg,
            rx.concentration_mg_ml,
            rx.weight_g,
            rx.cap_ul_h,
            tuple((rx.rate_ul_h[i], rx.dwell_s[i]) for i in range(min(max(rx.n_rungs, 0), 12))),
            rx.slew_ul_h_s,
            rx.kvo_ul_h,
            rx.occlusion_pa,
            rx.check_s,
            rx.link_timeout_s,
        )


# 1 mL at 180 mL/h: complete half a minute after START.
SHORT = Order(vtbi_ul=1000, dose_mg=100, rungs=((180_000, 600),))


class CoreBench:
    """One pump.

    ``queue_ticks``  how many ticks a granted slot waits before its edges are
                     counted, 1 to 3
    ``encoder_permille``  what the encoder sees of the motor's travel
    ``drop_permille``     what falls in the drip chamber of the motor's travel
    ``sensors_live``      the last bit of both pressures is never still
    ``probe_works``       the air detector sees "air" with its emitter off
    ``sounder_works``     the loop-back hears what is ordered
    ``enable_level``      what ENABLE reads, or ``None`` for what was ordered
    ``turns_backward``    the motor turns the wrong way
    ``turns_alone``       counts of the encoder in every tick, without a step
    ``pours``             a drop falls in every tick
    ``clock_permille``    speed of the clock chip against the processor's time, if
                          there is one
    ``heard``             what the loop-back says instead, or ``None``
    ``backward``     those of the edges that turned the motor back
    ``stray_edges``  STEP edges of the next tick that nobody granted
    ``drop_queue``   the next slot finds a queue that is thrown away with it
    ``watch``        called after each tick with the bench
    """

    def __init__(self, controller=None, queue_ticks: int = 1):
        self.controller = Controller() if controller is None else controller
        self.inputs = Inputs()
        self.outputs = Outputs()
        self.inputs.down_pa = HEALTHY_DOWN_PA
        self.inputs.up_pa = HEALTHY_UP_PA
        self.queue = deque([0] * queue_ticks)
        self.encoder_permille = 1000
        self.drop_permille = 1000
        self.sensors_live = True
        self.probe_works = True
        self.sounder_works = True
        self.enable_level: bool | None = None
        self.turns_backward = False
        self.turns_alone = 0
        self.pours = False
        self.clock_permille = 1000
        self.heard: bool | None = None
        self.stray_edges = 0
        self.drop_queue = False
        self.edges = 0
        self.backward = 0
        self.now_ms = 0
        self.watch: Callable[[CoreBench], None] | None = None
        self._shaft = 0  # position, in thousandths of a step
        self._clock_us = 0
        self._drop_part = 0
        self._last_bit = 0
        self._is_reverse = False  # what the queue holds

    def seal(self) -> None:
        """What a test has changed in the controller's memory was meant: it is no
        fault of the memory."""
        self.controller.shadow.seal_rx(self.controller.rx)
        self.controller.shadow.seal(self.controller)

    def clone(self) -> CoreBench:
        """A pump in the same condition."""
        return copy.deepcopy(self)

    # --- what is seen from outside ----------------------------------------------

    @property
    def state(self) -> str:
        return st.STATE_NAMES[self.controller.state]

    @property
    def rung(self) -> int:
        return self.controller.titration.rung

    @property
    def question(self) -> int:
        """Number of the question that can be answered now, or 0."""
        return self.controller.open_question()

    @property
    def alarms(self) -> set[str]:
        """Names of the active alarm conditions."""
        return alarm_names(self.controller.alarms.active)

    @property
    def net_steps(self) -> int:
        """What the motor has brought forward, in steps."""
        return self.edges - 2 * self.backward

    @property
    def is_moving(self) -> bool:
        return bool(self.outputs.rate_ul_h or self.outputs.steps or any(self.queue))

    # --- time ----------------------------------------------------------------------

    def tick(self, dt_ms: int = 10, event: int = st.NO_EVENT, argument: int = 0) -> int:
        """One step of the controller; returns the reason code for ``event``."""
        inputs = self.inputs
        outputs = self.outputs
        queue = self.queue
        inputs.dt_ms = dt_ms
        inputs.event = event
        inputs.argument = argument
        edges = queue.popleft()
        if self.stray_edges:
            edges += self.stray_edges
            self.stray_edges = 0
        inputs.drop = self.pours
        inputs.encoder_edges = inputs.reverse_edges = 0
        if edges:
            self.edges += edges
            before = self._shaft
            if self._is_reverse == self.turns_backward:
                self._shaft += edges * self.encoder_permille
                inputs.encoder_edges = self._shaft // 4000 - before // 4000
            else:
                self._shaft -= edges * self.encoder_permille
                inputs.encoder_edges = before // 4000 - self._shaft // 4000
                inputs.reverse_edges = inputs.encoder_edges
            if self._is_reverse:
                self.backward += edges
            else:
                self._drop_part += edges * self.drop_permille
                if self._drop_part >= 320_000:
                    self._drop_part -= 320_000
                    inputs.drop = True
        inputs.encoder_edges += self.turns_alone
        if inputs.clock_fitted:
            self._clock_us += dt_ms * self.clock_permille
            inputs.clock_seconds = self._clock_us // 1_000_000
            self._clock_us %= 1_000_000
        inputs.step_edges = edges
        inputs.enable_level = outputs.enable if self.enable_level is None else self.enable_level
        if self.heard is None:
            inputs.sound_heard = outputs.sound and self.sounder_works
        else:
            inputs.sound_heard = self.heard
        down_pa, up_pa, air = inputs.down_pa, inputs.up_pa, inputs.air
        if self.sensors_live:
            self._last_bit ^= 1
            inputs.down_pa += self._last_bit
            inputs.up_pa -= self._last_bit
        if outputs.air_probe:
            inputs.air = self.probe_works
        self.controller.step(inputs, outputs)
        inputs.down_pa, inputs.up_pa, inputs.air = down_pa, up_pa, air
        inputs.queue_dropped = False
        if outputs.rate_ul_h and not self.drop_queue:
            queue.append(outputs.steps)
            self._is_reverse = outputs.reverse
        else:
            # What is still queued when the rate is zero is thrown away.
            inputs.queue_dropped = outputs.rate_ul_h != 0
            self.drop_queue = False
            queue.append(0)
            for i in range(len(queue)):
                queue[i] = 0
        self.now_ms += dt_ms
        if self.watch is not None:
            self.watch(self)
        return outputs.event_result

    def send(self, event: str, argument: int = 0, dt_ms: int = 10) -> str:
        """One tick with an event; returns the reason by name."""
        return reasons.REASONS[self.tick(dt_ms, EVENTS[event], argument)][0]

    def run(self, ms: int, dt_ms: int = 10) -> None:
        """Let ``ms`` pass in equal ticks."""
        tick = self.tick
        for _ in range(ms // dt_ms):
            tick(dt_ms)

    def run_ticks(self, pattern: Iterable[int]) -> None:
        """One tick for each length in ``pattern``."""
        tick = self.tick
        for dt_ms in pattern:
            tick(dt_ms)

    def run_until(self, condition: Callable[[], bool], most_ms: int, dt_ms: int = 10) -> int:
        """Run until ``condition`` holds; returns the ms it took, or fails."""
        began = self.now_ms
        while not condition():
            if self.now_ms - began >= most_ms:
                raise AssertionError(f"did not happen within {most_ms} ms; {self.state}")
            self.tick(dt_ms)
        return self.now_ms - began

    # --- ways to get somewhere ------------------------------------------------------

    def commit(self, order: Order) -> str:
        order.stage(self.controller.staged)
        return self.send("COMMIT")

    def begin(self, order: Order) -> CoreBench:
        """From power-on to INFUSING."""
        for result in (self.send("POST_PASSED"), self.commit(order), self.send("START")):
            assert result == "OK", result
        return self

    def run_until_asked(self, dt_ms: int = 10) -> int:
        """Run until a question is open; returns its number."""
        self.run_until(lambda: self.question != 0, 3 * 3_600_000, dt_ms)
        return self.question

    def climb(self, dt_ms: int = 10) -> None:
        """Run to the next step up and confirm it."""
        below = self.rung
        assert self.send("CONFIRM", self.run_until_asked(dt_ms), dt_ms) == "OK"
        assert self.rung == below + 1

    def heal(self) -> None:
        """Every cause of an alarm goes away."""
        inputs = self.inputs
        inputs.down_pa = HEALTHY_DOWN_PA
        inputs.up_pa = HEALTHY_UP_PA
        inputs.down_ok = inputs.up_ok = True
        inputs.air = inputs.door_open = False
        inputs.host_silent_ms = 0
        inputs.supply_mv, inputs.supply_good = 5000, True
        inputs.driver_c, inputs.driver_ok = 25, True
        inputs.stop_key = inputs.ok_key = False
        inputs.storage_ok = True
        inputs.guard_trip, inputs.guard_beats = 0, 1
        inputs.osc_percent = 100
        self.encoder_permille = self.drop_permille = self.clock_permille = 1000
        self.sensors_live = self.probe_works = self.sounder_works = True
        self.enable_level = self.heard = None
        self.turns_backward = self.pours = False
        self.turns_alone = 0


def alarm_names(mask: int) -> set[str]:
    """Names of the alarm conditions in a bit mask."""
    return {row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS if mask >> row[0] & 1}


def recovered(
    delivered_steps: int = 6_400, delivery_s: int = 600, order: Order | None = None
) -> CoreBench:
    """A pump after a reset that interrupted an infusion, its self-test passed."""
    bench = CoreBench()
    controller = bench.controller
    (order or Order()).stage(controller.rx)
    controller.recover(7, (order or Order()).vtbi_ul * 64 // 10, delivered_steps, delivery_s)
    assert bench.send("POST_PASSED") == "OK"
    return bench


def reach(state: str, order: Order | None = None, queue_ticks: int = 1) -> CoreBench:
    """A pump that has come into ``state`` by events and sensors alone."""
    bench = CoreBench(queue_ticks=queue_ticks)
    if state == "SELF_TEST":
        return bench
    if state == "FAULT":
        bench.begin(order or Order())
        bench.stray_edges = 1
        bench.tick()
    elif state == "COMPLETE":
        bench.begin(order or SHORT)
        bench.run_until(lambda: bench.state == "COMPLETE", 60_000)
        bench.tick()
    elif state == "IDLE":
        assert bench.send("POST_PASSED") == "OK"
    elif state == "READY":
        assert bench.send("POST_PASSED") == "OK"
        assert bench.commit(order or Order()) == "OK"
    else:
        bench.begin(order or Order())
        bench.run(1000)
        for event in _FROM_INFUSING[state]:
            assert bench.send(event) == "OK"
        if state == "ALARM_STOPPED":
            bench.inputs.door_open = True
            bench.tick()
            bench.inputs.door_open = False
        if state == "BACK_OFF":
            bench.inputs.down_pa = 70_000
            bench.run_until(lambda: bench.state == "BACK_OFF", 200)
    assert bench.state == state, bench.state
    return bench


_FROM_INFUSING = {
    "INFUSING": (),
    "RUNG_HELD": ("STAY",),
    "HOLD": ("HOLD",),
    "PAUSED": ("PAUSE",),
    "KVO": ("PAUSE", "KVO"),
    "STOPPED": ("STOP",),
    "ALARM_STOPPED": (),
    "BACK_OFF": (),
    "SEVERE": ("SEVERE",),
}
