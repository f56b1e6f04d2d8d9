"""What the limits' text allows, written a second time and from the text alone.

The oracle is told what anybody at the serial line and at the pins can see:
the order as read back, the events with their answers, the alarms as they are
raised, the question as it is asked, the grants to the motor and its edges.  It
never looks at how the core decides: not at its states, rungs, rates or sums.

Each promise is a line in ``_check_*``; a broken one raises ``Broken``.  Times
are ms of integrated time (L20), volumes are summed in uL/h x ms.
"""

from __future__ import annotations

from collections.abc import Set

from properties.core_bench import Order
from properties.order_rules import LONGER_THAN_6_H, order_problems

STEP = 562_500  # uL/h x ms: 1 / 6400 mL
TICK_MAX = 20
FAULTS = frozenset({"INTERLOCK", "CLOCK_FAULT", "INTEGRITY", "GUARD_TRIP", "MOTOR_FAULT"})
STOPS = frozenset(
    {
        "DOWNSTREAM_OCCLUSION",
        "UPSTREAM_OCCLUSION",
        "AIR_IN_LINE",
        "DOOR_OPEN",
        "BAG_EMPTY",
        "FLOW_DEVIATION",
        "SENSOR_FAULT",
        "NO_CONFIRMATION",
        "DELIVERY_TIME",
        "LINK_SILENT",
        "FREE_FLOW",
        "BATTERY_EXHAUSTED",
        "DRIVER_HOT",
        "SOUNDER_FAULT",
        "MOTOR_CUT_OFF",
        "INTERRUPTED",
        "STORAGE_FAULT",
    }
)
# What an accepted event leads to.
MOVES = {
    "START": {"READY": "INFUSING"},
    "RESUME": {"PAUSED": "INFUSING", "KVO": "INFUSING"},
    "RELEASE": {"HOLD": "INFUSING"},
    "KVO": {"PAUSED": "KVO"},
    "STAY": {"INFUSING": "RUNG_HELD"},
    "CLIMB": {"RUNG_HELD": "INFUSING"},
    "HOLD": {"INFUSING": "HOLD", "RUNG_HELD": "HOLD"},
    "PAUSE": dict.fromkeys(("INFUSING", "RUNG_HELD", "HOLD", "KVO"), "PAUSED"),
    "STOP": dict.fromkeys(
        ("INFUSING", "RUNG_HELD", "HOLD", "KVO", "PAUSED", "BACK_OFF"), "STOPPED"
    ),
    "RESET": {"ALARM_STOPPED": "PAUSED", "STOPPED": "PAUSED"},
    "END": dict.fromkeys(("PAUSED", "STOPPED", "ALARM_STOPPED", "COMPLETE"), "IDLE"),
    "COMMIT": {"IDLE": "READY", "READY": "READY"},
    "CANCEL": {"READY": "IDLE"},
    "CONFIRM": {"INFUSING": "INFUSING", "RUNG_HELD": "RUNG_HELD"},
    "DOWN": {"INFUSING": "INFUSING", "RUNG_HELD": "RUNG_HELD"},
}
# Accepted wherever the table of events says so; they lead nowhere else.
ANYWHERE = frozenset({"STOP", "RESET", "ACK", "SEVERE"})
# M12: what is still accepted after a severe reaction.
AFTER_SEVERE = frozenset({"STOP", "ACK", "SEVERE"})
LADDER = frozenset({"INFUSING", "RUNG_HELD"})
DELIVERING = LADDER | {"KVO"}
ENABLED = DELIVERING | {"HOLD", "BACK_OFF"}
SESSION = ENABLED | {"PAUSED", "STOPPED", "ALARM_STOPPED"}
# The longest that a visible cause may stand while the motor turns, in ms.
NOTHING: frozenset[str] = frozenset()
BACK_OFF_STEPS = 3_200  # 0.5 mL
SUPERVISOR = 2  # the role
PATIENCE = {"down": 100, "up": 250, "bag": 5_000, "sensor": 100}


class Broken(AssertionError):
    """A promise that was not kept."""


class Oracle:
    """Follows one pump from power-on.  ``mode`` is what the pump should be.

    ``scale``: a minute lasts 60 s divided by it, see ``compressed``.
    """

    def __init__(self, scale: int = 1) -> None:
        self.scale = scale
        self.minute = 60_000 // scale
        self.mode = "IDLE"
        self.order: Order | None = None
        self.uncleared: set[str] = set()  # stopping alarms that nobody has reset
        self.ready_ms = 0
        self.seconds = 0.0  # since power-on, for the repeats
        self.raised_at: dict[str, list[float]] = {}
        self.repeated = False  # a stop alarm for the third time in 10 min
        self.since_reverse = 9  # ticks since a backward step was granted
        self.back = 0  # backward steps of this occlusion
        self.back_edges = 0
        self.counts = self.credited = 0  # of the encoder, and the steps for them
        # Of all windows of ticks that end now, the worst sum of steps less the
        # integral: of what is allowed, and of what is commanded.
        self.worst_cap = self.worst_rate = 0
        self._begin_session(Order())

    def _begin_session(self, order: Order) -> None:
        self.ladder = order.rungs
        self.ordered_steps = order.vtbi_ul * 64 // 10
        self.rung = 0
        self.edges = 0  # forward less what the encoder saw of backward
        self.granted = 0
        self.extended = False
        self.limited = False  # by the lease
        self.integral = 0  # of the commanded rate
        self.ladder_ms = 0
        self.away_ms = 0
        self.rise_ms = 0  # since delivery began from zero
        self.rate = 0  # of the slot that is running
        self.air_steps = 0
        self.stood: dict[str, int] = {}  # ms that a cause has been seen while delivering
        self._interrupt()

    def _interrupt(self) -> None:
        """L12: the dwell starts again and whatever was asked is void."""
        self.dwell_ms = 0
        self.unchecked_ms = 0
        self._answered()

    def _answered(self) -> None:
        self.open_question = 0
        self.open_kind = "NONE"
        self.asked_ms = 0
        self.unanswered_ms: int | None = None

    # --- one tick ------------------------------------------------------------------

    def tick(
        self, inputs, outputs, event: str, result: str, raised, question: int, kind: str, key=""
    ) -> None:
        """One step was taken.  ``raised``: names of alarms; ``question``: the
        number that can be answered now, or 0; ``kind``: what is being asked;
        ``key``: "ACK" or "CONFIRM" if the OK key has just gone down and that was
        to be done."""
        dt_ms = min(inputs.dt_ms, TICK_MAX)
        before = self.mode
        self._pass(before, dt_ms)
        self.seconds += dt_ms / 1000
        self._count(inputs)
        if raised:
            self._alarms(raised, inputs.down_ok)
        self._keys(inputs, key, dt_ms)
        if event == "SEVERE" or (event != "NONE" and result not in ("OVERTAKEN", "STOP_KEY")):
            self._event(event, result, inputs, dt_ms)
        if self.edges >= self.ordered_steps and self.mode in SESSION - {"BACK_OFF"}:
            self.mode = "COMPLETE"
        if self.mode == "BACK_OFF" and before == "BACK_OFF" and not outputs.enable:
            self.mode = "ALARM_STOPPED"  # relieved, or as far as it may go
        if self.mode == "READY" and self.ready_ms >= 10 * self.minute:  # L18
            self.mode, self.order = "IDLE", None
        self._leave_or_enter(before)
        if self.edges > self.ordered_steps and self.mode != "FAULT":
            raise Broken("above the volume to be infused")
        self._check_motion(inputs, outputs, dt_ms)
        if self.mode in DELIVERING:
            self._check_world(inputs, dt_ms)
        else:
            self.stood.clear()
        if self.mode in LADDER:
            self._check_questions(question, kind)
        elif question:
            raise Broken(f"asks in {self.mode}")
        self.rate = outputs.rate_ul_h

    def _count(self, inputs) -> None:
        """Edges forward count; edges backward only as far as the encoder saw them."""
        if self.since_reverse > 0:
            self.edges += inputs.step_edges
            return
        self.back_edges += inputs.step_edges
        if inputs.reverse_edges:
            # L10: the first count may come after a single step, so it says nothing;
            # and no more is believed than has left the STEP pin.
            self.counts += inputs.reverse_edges
            credit = min(4 * self.counts - 4, self.back_edges) - self.credited
            self.credited += credit
            self.edges = max(0, self.edges - credit)

    def _keys(self, inputs, key: str, dt_ms: int) -> None:
        if key == "CONFIRM":
            self._check_answer(self.open_question, dt_ms)
        if inputs.stop_key:
            self.mode = MOVES["STOP"].get(self.mode, self.mode)

    def _pass(self, mode: str, dt_ms: int) -> None:
        """``dt_ms`` have gone by under the mode and rate of the tick before."""
        if mode in LADDER:
            self.ladder_ms += dt_ms
            if self.rate == self.ladder[self.rung][0]:
                self.dwell_ms += dt_ms
            if mode == "RUNG_HELD" or self.rung == len(self.ladder) - 1:
                self.unchecked_ms += dt_ms
            if self.unanswered_ms is not None:
                self.unanswered_ms += dt_ms
                self.asked_ms += dt_ms
        elif mode == "READY":
            self.ready_ms += dt_ms
        else:
            self.away_ms += dt_ms

    def _alarms(self, raised, down_ok: bool) -> None:
        self.open_question = 0  # L12
        stops = raised & STOPS
        for name in stops:
            at = self.raised_at.setdefault(name, [])
            at.append(self.seconds)
            # L17; a second belongs to either side.
            if len(at) > 2 and self.seconds - at[-3] < 599:
                self.repeated = True
        if raised & FAULTS:
            self.mode = "FAULT"
        elif stops:
            self.uncleared |= stops
            if stops == {"DOWNSTREAM_OCCLUSION"} and down_ok and self.mode in DELIVERING:
                self.mode = "BACK_OFF"
                self.back = self.back_edges = self.counts = self.credited = 0
            elif self.mode in ENABLED | {"PAUSED"}:
                self.mode = "ALARM_STOPPED"

    def _event(self, event: str, result: str, inputs, dt_ms: int) -> None:
        if event == "STOP" and result != "OK":
            raise Broken("STOP was refused")
        if event == "SEVERE" and result != "OK":
            raise Broken("a severe reaction was refused")
        if result != "OK":
            return
        if self.mode == "SEVERE" and event not in AFTER_SEVERE:
            raise Broken(f"{event} was accepted after a severe reaction")
        moves = MOVES.get(event, {})
        if self.mode not in moves and event not in ANYWHERE:
            raise Broken(f"{event} was accepted in {self.mode}")
        if self.mode == "FAULT" and event not in AFTER_SEVERE:
            raise Broken(f"{event} was accepted in FAULT")
        if event in ("START", "RESUME", "RELEASE", "KVO"):
            self._check_start(event, inputs)
        elif event == "CONFIRM":
            self._check_answer(inputs.argument, dt_ms)
        elif event == "DOWN":
            if self.rung == 0:
                raise Broken("below rung 0")
            self.rung -= 1
            self._interrupt()
            if self.rate == self.ladder[self.rung][0]:
                self.dwell_ms = dt_ms
        elif event == "STAY":
            self.unchecked_ms = 0
            self._answered()
        elif event == "RESET":
            if _visible(inputs, self.order):
                raise Broken("RESET in spite of its cause")
            if self.repeated and inputs.role < SUPERVISOR:
                raise Broken("RESET without a supervisor")
            if "DELIVERY_TIME" in self.uncleared:
                if inputs.role < SUPERVISOR:
                    raise Broken("more time without a supervisor")
                self.extended = True
            self.repeated = False
            self.uncleared = set()
            self._answered()
        elif event == "SEVERE" and self.mode != "FAULT":
            self.order = None
            self.uncleared = set()
            self.mode = "SEVERE"
        elif event in ("END", "CANCEL"):
            self.order = None
            self.uncleared = set()
        elif event == "COMMIT":
            self.ready_ms = dt_ms
        self.mode = moves.get(self.mode, self.mode)

    def _leave_or_enter(self, before: str) -> None:
        after = self.mode
        if before == after:
            return
        if before in LADDER and after not in LADDER:
            self._interrupt()
            self.away_ms = 0
        if after in DELIVERING and not (before in LADDER and after in LADDER):
            self.rise_ms = 0
            # L13; one tick belongs to either side.
            if after == "INFUSING" and self.away_ms >= 30 * self.minute + TICK_MAX:
                self.rung = 0

    # --- promises ------------------------------------------------------------------

    def committed(self, order: Order) -> None:
        """COMMIT was accepted, and this is the order as read back."""
        problems = order_problems(order, self.scale) - {LONGER_THAN_6_H.NEARLY}
        if problems:
            raise Broken(f"accepted in spite of {problems}")
        self.order = order

    def started(self, order: Order) -> None:
        """START was accepted, and this is the order in force."""
        self.committed(order)
        self._begin_session(order)

    def _check_start(self, event: str, inputs) -> None:
        if self.repeated:
            raise Broken(f"{event} without a supervisor")
        if self.uncleared:
            raise Broken(f"{event} in spite of {self.uncleared}")
        if _visible(inputs, self.order):
            raise Broken(f"{event} into {_visible(inputs, self.order)}")
        if event == "KVO" and not self.order.kvo_ul_h:
            raise Broken("KVO without an order")

    def _check_answer(self, number: int, dt_ms: int) -> None:
        """L12: names its question, in its window, one rung at most."""
        if not self.open_question or number != self.open_question:
            raise Broken(f"answer {number} accepted, asked {self.open_question}")
        if self.asked_ms - dt_ms > 2 * self.minute:
            raise Broken("answer accepted after its window")
        if self.open_kind == "STEP_UP":
            if self.mode != "INFUSING" or self.rung + 1 >= len(self.ladder):
                raise Broken("stepped up where there is no step")
            if self.dwell_ms - dt_ms < self.ladder[self.rung][1] * 1000:
                raise Broken("stepped up before the dwell")
            self.rung += 1
            self.dwell_ms = 0
        self.unchecked_ms = 0
        self._answered()

    def _check_questions(self, question: int, kind: str) -> None:
        if question and question != self.open_question:
            if kind == "STEP_UP" and self.dwell_ms < self.ladder[self.rung][1] * 1000:
                raise Broken(f"asked after {self.dwell_ms} ms on rung {self.rung}")
            self.open_kind = kind
            self.asked_ms = 0
            if self.unanswered_ms is None:
                self.unanswered_ms = 0
        self.open_question = question
        if self.unanswered_ms is None:
            if self.unchecked_ms > self.order.check_s * 1000 + TICK_MAX:
                raise Broken("nobody was asked in the check interval")
        elif self.unanswered_ms > 15 * self.minute + TICK_MAX:
            raise Broken("delivers 15 min after an unanswered question")

    def allowed_ul_h(self) -> int:
        """The highest rate that may be commanded now, by L12, L14 and L15."""
        if self.mode in LADDER:
            return min(self.ladder[self.rung][0], self.order.cap_ul_h, 1_200_000)
        if self.mode == "KVO":
            return min(self.order.kvo_ul_h, 1_000, self.ladder[self.rung][0])
        return 0

    def _check_motion(self, inputs, outputs, dt_ms: int) -> None:
        rate, steps = outputs.rate_ul_h, outputs.steps
        self.since_reverse += 1
        if outputs.enable and self.mode not in ENABLED:
            raise Broken(f"enabled in {self.mode}")
        allowed = self.allowed_ul_h()
        if outputs.reverse or self.mode == "BACK_OFF":
            self._check_back(inputs, outputs)
            return
        if rate > allowed:
            raise Broken(f"{rate} uL/h in {self.mode} on rung {self.rung}, {allowed} allowed")
        if self.mode not in DELIVERING:
            if steps:
                raise Broken(f"steps in {self.mode}")
            return
        if self.repeated:
            raise Broken("delivers without the supervisor that it needs")
        # L13: from zero, by the slew and no faster.
        self.rise_ms += dt_ms
        if rate * 1000 > self.order.slew_ul_h_s * self.rise_ms:
            raise Broken(f"{rate} uL/h {self.rise_ms} ms after a start from zero")
        self._windows(rate, steps, allowed, dt_ms, outputs.slot_ms, inputs.lease_steps)
        if self.ladder_ms > 360 * self.minute + 2 * TICK_MAX and not self.extended:
            raise Broken("more than six hours of delivery")

    def _check_back(self, inputs, outputs) -> None:
        """L10: backward in BACK_OFF and nothing else there, half a millilitre at
        most, no faster than 300 mL/h."""
        if self.mode != "BACK_OFF":
            raise Broken(f"backward in {self.mode}")
        if outputs.steps and not outputs.reverse:
            raise Broken("forward in BACK_OFF")
        if outputs.rate_ul_h > 300_000:
            raise Broken("backward faster than 300 mL/h")
        if outputs.reverse:
            self.since_reverse = 0
            self.back += outputs.steps
            if self.back > BACK_OFF_STEPS:
                raise Broken("more than 0.5 mL backward")
            if inputs.down_ok and inputs.down_pa < 5_000:
                raise Broken("turns back although the line is relieved")

    def _windows(self, rate, steps, allowed: int, dt_ms: int, slot_ms: int, lease: int) -> None:
        """L8 and L14 over every window at once: the worst window that ends now
        is the worst that ended before, or an empty one, and this tick."""
        if slot_ms != dt_ms:
            raise Broken(f"a slot of {slot_ms} ms in a tick of {dt_ms}")
        moved = steps * STEP
        self.worst_cap = max(0, self.worst_cap) + moved - allowed * dt_ms
        self.worst_rate = max(0, self.worst_rate) + moved - rate * dt_ms
        if self.worst_cap > STEP or self.worst_rate > STEP:
            raise Broken("a window with more than its integral and one step")
        self.integral += rate * dt_ms
        self.granted += steps
        owed = self.integral - self.granted * STEP
        if owed < 0:
            raise Broken("more steps than the integral of the rate")
        if self.edges + steps > lease:
            raise Broken("a step beyond the lease")
        if lease < self.ordered_steps:
            self.limited = True  # what it held back is not owed
        if self.limited:
            return
        if owed >= STEP and self.granted < self.ordered_steps:
            raise Broken("a step that is owed was not granted")

    def _check_world(self, inputs, dt_ms: int) -> None:
        """No motion for longer than L4, L5, L9 and L21 say beside a cause."""
        if inputs.door_open:
            raise Broken("delivers with the door open")
        timeout_ms = self.order.link_timeout_s * 1000
        if timeout_ms and inputs.host_silent_ms >= timeout_ms and self.rate:
            raise Broken("delivers without its host")
        self.air_steps = self.air_steps + inputs.step_edges if inputs.air else 0
        if self.air_steps >= 320:
            raise Broken("50 uL of air have passed")
        causes = _pressure_causes(inputs, self.order)
        if causes or self.stood:
            self.stood = {cause: self.stood.get(cause, -dt_ms) + dt_ms for cause in causes}
            for cause, stood_ms in self.stood.items():
                if stood_ms > PATIENCE[cause]:
                    raise Broken(f"delivers in spite of {cause}")


def _pressure_causes(inputs, order: Order | None) -> Set[str]:
    limit_pa = order.occlusion_pa if order else 130_000
    is_whole = inputs.down_ok and inputs.up_ok
    if is_whole and inputs.down_pa < limit_pa and inputs.up_pa > 1_000:
        return NOTHING
    causes = set()
    if not is_whole:
        causes.add("sensor")
    if inputs.down_ok and inputs.down_pa >= limit_pa:
        causes.add("down")
    if inputs.up_ok and inputs.up_pa <= -15_000:
        causes.add("up")
    elif inputs.up_ok and -4_000 <= inputs.up_pa <= 1_000:
        causes.add("bag")
    return causes


def _visible(inputs, order: Order | None) -> set[str]:
    """What anybody who looks at the line can see."""
    causes = set(_pressure_causes(inputs, order))
    if inputs.door_open:
        causes.add("door")
    if inputs.air:
        causes.add("air")
    return causes
