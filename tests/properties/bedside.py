"""Any sequence of orders, events, ticks and faults: the rules of the machine.

Everything that happens goes through ``Controller.step`` and is told to the
oracle, which raises ``Broken`` at the first promise that was not kept.
"""

from hypothesis import strategies as hs
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from properties import strategies
from properties.core_bench import CoreBench, Order, alarm_names
from properties.oracle import DELIVERING, ENABLED, LADDER, SESSION, Oracle
from properties.order_rules import order_problems

from pump.core import infusion_state as st
from pump.core import limits, reasons, roles
from pump.core.titration import QUESTION_NAMES

STANDING = ("HOLD", "PAUSED", "STOPPED", "ALARM_STOPPED", "KVO")
RARELY = hs.integers(0, 29)  # 13: for what ends in FAULT, for good
PEOPLE = hs.sampled_from([roles.OPERATOR, roles.OPERATOR, roles.OBSERVER, roles.SUPERVISOR])
short_times = hs.sampled_from([0, 0, 20, 100, 3_000])
numbers = hs.one_of(hs.none(), strategies.arguments)  # none: the right one
AT_THE_LIMIT = 60_000  # stands for the limit that was ordered
# Worlds that the sensors may show: fields of the inputs.
causes = hs.one_of(
    hs.builds(lambda pa: {"down_pa": pa}, strategies.pressures_pa),
    hs.builds(lambda pa: {"up_pa": pa}, strategies.pressures_pa),
    hs.sampled_from([{"down_ok": False}, {"up_ok": False}, {"air": True}, {"door_open": True}]),
    hs.builds(lambda ms: {"host_silent_ms": ms}, hs.integers(0, 400_000)),
    hs.sampled_from(
        [
            {"storage_ok": False},
            {"supply_good": False},
            {"supply_mv": 3_200},
            {"driver_c": 90},
            {"driver_ok": False},
        ]
    ),
)


_EDGE_MS = 100


class Bedside(RuleBasedStateMachine):
    """One pump, from power-on; where orders come from is left to the tests."""

    SCALE = 1
    # Ticks of one example: 40 min at 20 ms, and what comes with the last rule.
    TICKS_MOST = 120_000

    def power_on(self, queue_ticks: int, order: Order, climbed: int) -> None:
        """An example begins at a bedside where something goes on already."""
        self.bench = CoreBench(queue_ticks=queue_ticks)
        assert self.bench.send("POST_PASSED") == "OK"
        self.oracle = Oracle(self.SCALE)
        self.minute = self.oracle.minute
        self.bench.watch = self.observe
        self.ticks = 0
        self.dt_ms = 20
        self.ok_was_down = False
        self.ok_up_ms = limits.KEY_APART_MS
        self.memory_is_sound = True
        self.session = 0
        self.net_at_start = 0
        self.commit(order)
        self.send("START")
        for _ in range(min(climbed, len(order.rungs) - 1)):
            self.wait_for_a_question(climb=True, most_min=11)

    # --- how everything is told to the oracle ---------------------------------------

    def observe(self, bench: CoreBench) -> None:
        controller, inputs, outputs = bench.controller, bench.inputs, bench.outputs
        event = st.EVENT_NAMES[inputs.event]
        result = reasons.REASONS[outputs.event_result][0]
        if inputs.event and result == "OK" and event in ("COMMIT", "START"):
            order = Order.of(controller.rx)
            self.oracle.committed(order) if event == "COMMIT" else self.oracle.started(order)
        self.oracle.tick(
            inputs,
            outputs,
            event,
            result,
            alarm_names(outputs.raised) if outputs.raised else None,
            controller.open_question(),
            QUESTION_NAMES[controller.titration.due],
            self.what_the_key_does(),
        )
        self.ticks += 1

    def what_the_key_does(self) -> str:
        """The OK key acknowledges while there is an alarm, else it answers, unless it
        was down less than a second ago."""
        inputs = self.bench.inputs
        down = inputs.ok_key
        began = down and not self.ok_was_down
        was_up_ms = self.ok_up_ms
        dt_ms = min(inputs.dt_ms, limits.TICK_INTEGRATE_MAX_MS)
        self.ok_up_ms = dt_ms if down else was_up_ms + dt_ms
        self.ok_was_down = down
        if not began:
            return ""
        if self.bench.controller.alarms.active:
            return "ACK"
        apart = was_up_ms >= limits.KEY_APART_MS
        return "CONFIRM" if self.oracle.open_question and apart else ""

    def send(self, event: str, argument: int = 0) -> str:
        # On the very edge of half an hour away either side may be right by a
        # tick; the machine does not stand there.
        edge_ms = abs(self.oracle.away_ms - 30 * self.oracle.minute)
        if event in ("RESUME", "RELEASE") and edge_ms <= _EDGE_MS:
            for _ in range(2 * _EDGE_MS // 20 + 1):
                self.bench.tick(20)
        return self.bench.send(event, argument, self.dt_ms)

    def run(self, ms: int) -> None:
        """Pass time; little of it where nothing happens any more, or when the
        example has had its share."""
        if self.ticks > self.TICKS_MOST or self.oracle.mode not in SESSION:
            ms = min(ms, 1_000)
        # Long times are left to long ticks.
        self.bench.run(ms, self.dt_ms if ms * self.SCALE < 10_000 else 20)

    def commit(self, order: Order) -> None:
        order.stage(self.bench.controller.staged)
        may = self.oracle.mode in ("IDLE", "READY")
        result = self.send("COMMIT")
        if may and not order_problems(order, self.SCALE):
            assert result == "OK"

    def confirm(self) -> None:
        """The right answer; it counts unless an alarm comes in the same tick."""
        question = self.bench.question
        result = self.send("CONFIRM", question)
        assert question or result != "OK"
        assert not question or result == "OK" or self.bench.outputs.raised or self.is_stopped()

    def is_stopped(self) -> bool:
        return self.bench.inputs.stop_key or self.bench.state == "FAULT"

    # --- a person ------------------------------------------------------------------------

    def program(self, order: Order, begin: bool) -> None:
        if self.oracle.mode in SESSION:
            return
        self.send("END")
        self.commit(order)
        if begin:
            self.bench.heal()
            self.send("START")

    @rule(events=hs.lists(strategies.person_events, min_size=1, max_size=4), number=numbers)
    def anything(self, events: list[int], number: int | None) -> None:
        for event in events:
            self.bench.tick(self.dt_ms, event, self.bench.question if number is None else number)

    @precondition(lambda self: self.oracle.mode in ENABLED)
    @rule(how=hs.sampled_from(["PAUSE", "HOLD", "STOP", "door"]), ms=short_times)
    def leave(self, how: str, ms: int) -> None:
        self.bench.inputs.door_open = how == "door"
        result = self.send("NONE" if how == "door" else how)
        assert result != "OK" or not self.bench.is_moving
        self.bench.inputs.door_open = False
        self.run(ms)

    @precondition(lambda self: self.oracle.mode in STANDING)
    @rule(how=hs.sampled_from(["RESUME", "RESUME", "KVO"]), ms=short_times, role=PEOPLE)
    def come_back(self, how: str, ms: int, role: int) -> None:
        self.bench.heal()
        self.bench.inputs.role = role
        if ms:
            self.run(400)  # until slow things have been looked at again
        for event in ("RESET", "RELEASE", how):
            self.send(event)
        self.run(ms)

    @precondition(lambda self: self.oracle.mode in LADDER)
    @rule(event=hs.sampled_from(["STAY", "CLIMB", "DOWN"]), ms=short_times)
    def decide(self, event: str, ms: int) -> None:
        self.send(event)
        self.run(ms)

    @precondition(lambda self: self.bench.question)
    @rule(after=hs.sampled_from([0, 0, 60, 119, 120, 121, 300, 450]))
    def answer(self, after: int) -> None:
        self.run(after * self.minute // 60)
        self.confirm()

    @precondition(lambda self: self.bench.question)
    @rule(minutes=hs.sampled_from([14, 16]))
    def nobody_answers(self, minutes: int) -> None:
        self.run(minutes * self.minute)

    @rule(number=hs.integers(-2, 65_535), near=hs.booleans())
    def answer_wrongly(self, number: int, near: bool) -> None:
        if near:
            number = self.bench.controller.titration.question_id + (number % 5 - 2)
        if number != self.bench.question:
            assert self.send("CONFIRM", number) != "OK"

    # --- time ----------------------------------------------------------------------------

    @rule(pattern=strategies.tick_patterns(most_ticks=300, late=True))
    def ticks_pass(self, pattern: list[int]) -> None:
        self.bench.run_ticks(pattern)

    @rule(seconds=hs.integers(1, 120), dt_ms=hs.sampled_from([7, 10, 20]))
    def time_passes(self, seconds: int, dt_ms: int) -> None:
        self.dt_ms = dt_ms
        self.run(seconds * self.minute // 60)

    @precondition(lambda self: self.oracle.mode in LADDER)
    @rule(climb=hs.booleans(), most_min=hs.sampled_from([11, 11, 11, 31]))
    def wait_for_a_question(self, climb: bool, most_min: int) -> None:
        rise_ms = 300_000 // self.SCALE
        for _ in range((most_min * self.minute + rise_ms) // 1_000):
            if self.bench.question or self.oracle.mode not in LADDER:
                break
            self.run(1_000)
        if climb:
            self.confirm()

    @precondition(lambda self: self.oracle.mode in STANDING and self.oracle.rung > 0)
    @rule(seconds=hs.sampled_from([1_790, 1_810]))
    def stand_for_half_an_hour(self, seconds: int) -> None:
        self.run(seconds * self.minute // 60)

    # --- the world -----------------------------------------------------------------------

    @rule(cause=causes, ms=hs.one_of(hs.integers(0, 6_000), hs.just(20_000)), lasting=hs.booleans())
    def something_happens(self, cause: dict, ms: int, lasting: bool) -> None:
        for name, value in cause.items():
            setattr(self.bench.inputs, name, value)
        if cause.get("down_pa") == AT_THE_LIMIT:
            self.bench.inputs.down_pa = self.bench.controller.rx.occlusion_pa
        self.run(ms)
        if not lasting:
            self.bench.heal()

    @precondition(lambda self: self.oracle.mode in DELIVERING)
    @rule(
        tenths=hs.integers(0, 80),
        how=hs.sampled_from(["opens", "opens", "stays", "door", "STOP", "key", "encoder"]),
        role=PEOPLE,
    )
    def the_line_is_blocked(self, tenths: int, how: str, role: int) -> None:
        """Back-off, for so many tenths of a second, and what ends it."""
        bench = self.bench
        bench.inputs.down_pa = bench.controller.rx.occlusion_pa + 1
        bench.run(100, 10)
        if how == "encoder":
            bench.encoder_permille = 2_500
        bench.run(100 * tenths, 20)
        if how == "STOP":
            self.send("STOP")
        elif how == "key":
            self.press_stop(60)
        elif how == "door":
            bench.inputs.door_open = True
        elif how == "opens":
            bench.heal()
        bench.run(8_000 if how == "stays" else 500, 20)
        bench.heal()
        bench.inputs.role = role
        bench.run(100, 20)

    @rule(ms=hs.sampled_from([20, 60, 500]))
    def press_stop(self, ms: int) -> None:
        self.bench.inputs.stop_key = True
        self.run(ms)
        assert not self.bench.is_moving
        self.bench.inputs.stop_key = False
        self.run(20)

    @rule(times=hs.integers(1, 3), ms=hs.sampled_from([20, 60, 500]))
    def press_ok(self, times: int, ms: int) -> None:
        for _ in range(times):
            self.bench.inputs.ok_key = True
            self.run(ms)
            self.bench.inputs.ok_key = False
            self.run(ms)

    @rule(role=PEOPLE)
    def somebody_else_comes(self, role: int) -> None:
        self.bench.inputs.role = role

    @rule(
        setting=hs.sampled_from(
            [{"drop_permille": 0}, {"drop_permille": 4_000}, {"pours": True},
             {"probe_works": False}, {"sounder_works": False}, {"sensors_live": False}]
        ),
        lasting=hs.booleans(),
    )  # fmt: skip
    def something_breaks(self, setting: dict, lasting: bool) -> None:
        for name, value in setting.items():
            setattr(self.bench, name, value)
        self.run(3_000)
        if not lasting:
            self.bench.heal()

    @precondition(lambda self: self.oracle.mode in DELIVERING)
    @rule(more=hs.integers(0, 60), ms=hs.sampled_from([100, 1_000]))
    def the_lease_runs_out(self, more: int, ms: int) -> None:
        volume = self.bench.controller.volume
        self.bench.inputs.lease_steps = volume.granted_steps + more
        self.run(ms)
        self.bench.inputs.lease_steps = 1 << 29

    @rule(
        likely=RARELY,
        cause=hs.sampled_from(
            [{"guard_trip": 2}, {"guard_beats": 0}, {"osc_percent": 70}, {"enable_level": True}]
        ),
    )
    def the_board_fails(self, likely: int, cause: dict) -> None:
        if likely == 13 and self.oracle.mode != "BACK_OFF":
            for name, value in cause.items():
                owner = self.bench if name == "enable_level" else self.bench.inputs
                setattr(owner, name, value)
            self.run(500)
            if "enable_level" not in cause or self.oracle.mode not in ENABLED:
                assert self.bench.state == "FAULT"
            self.bench.heal()

    @rule(permille=hs.sampled_from([1_000, 1_000, 1_005, 980]), likely=RARELY)
    def there_is_a_clock_chip(self, permille: int, likely: int) -> None:
        if permille != 980 or likely == 13:
            self.bench.inputs.clock_fitted = True
            self.bench.clock_permille = permille
            self.run(2_000)

    @precondition(lambda self: self.oracle.mode in DELIVERING)
    @rule(ms=hs.sampled_from([20, 60]))
    def enable_is_taken_away(self, ms: int) -> None:
        self.bench.enable_level = False
        self.run(ms)
        self.bench.enable_level = None

    @rule(
        likely=RARELY,
        key=hs.booleans(),
        attempts=hs.lists(
            hs.tuples(strategies.person_events, strategies.arguments, PEOPLE), max_size=12
        ),
        ms=short_times,
    )
    def a_severe_reaction(self, likely: int, key: bool, attempts: list, ms: int) -> None:
        """M12: off at once, whatever else is going on, and nothing leads out."""
        if likely != 13 or self.oracle.mode == "FAULT":
            return
        self.bench.inputs.stop_key = key
        self.send("SEVERE")
        assert not self.bench.is_moving and not self.bench.outputs.enable
        self.run(ms)
        self.bench.inputs.stop_key = False
        self.bench.heal()
        for event, argument, role in attempts:
            self.bench.inputs.role = role
            Order().stage(self.bench.controller.staged)
            self.bench.tick(self.dt_ms, event, argument)
            assert self.bench.state in ("SEVERE", "FAULT")
        assert not self.bench.is_moving

    @rule(
        likely=RARELY,
        bit=hs.integers(0, 29),
        where=hs.sampled_from(
            ["volume.granted_steps", "volume.counted_steps", "volume.vtbi_steps",
             "volume.remainder", "titration.rung", "titration.dwell_ms", "ramp.rate_ul_h",
             "rx.cap_ul_h", "alarms.active", "delivery_ms", "interlock.budget"]
        ),
    )  # fmt: skip
    def a_bit_flips_at_any_time(self, likely: int, bit: int, where: str) -> None:
        if likely != 13:
            return
        *path, name = where.split(".")
        owner = self.bench.controller
        for step in path:
            owner = getattr(owner, step)
        setattr(owner, name, getattr(owner, name) ^ 1 << bit)
        self.bench.tick()
        assert self.bench.state == "FAULT"
        self.memory_is_sound = False
        self.run(500)

    @precondition(lambda self: self.oracle.mode in DELIVERING)
    @rule(permille=hs.sampled_from([920, 1080, 0, 700, 1300]), lasting=hs.booleans())
    def the_encoder_sees(self, permille: int, lasting: bool) -> None:
        self.bench.encoder_permille = permille
        self.run(5_000)
        if not lasting:
            self.bench.encoder_permille = 1000

    @precondition(lambda self: self.oracle.mode in DELIVERING)
    @rule(times=hs.integers(1, 5), ms=short_times)
    def the_queue_runs_dry(self, times: int, ms: int) -> None:
        for _ in range(times):
            self.bench.drop_queue = True
            self.run(100)
        self.run(ms)

    @precondition(lambda self: self.oracle.mode not in DELIVERING | {"FAULT"})
    @rule(likely=hs.integers(0, 19))
    def a_stray_edge(self, likely: int) -> None:
        if likely == 13:  # it ends in FAULT, for good
            self.bench.stray_edges = 1
            self.run(500)
            assert self.bench.state == "FAULT"

    @precondition(lambda self: self.oracle.mode == "READY")
    @rule(
        field=hs.sampled_from(
            ["vtbi_ul", "cap_ul_h", "slew_ul_h_s", "kvo_ul_h", "n_rungs", "rate", "dwell"]
        ),
        bit=hs.integers(0, 21),
        rung=hs.integers(0, 3),
        likely=RARELY,
    )
    def a_bit_flips_before_start(self, field: str, bit: int, rung: int, likely: int) -> None:
        if likely > 13:  # mostly it ends in FAULT
            return
        rx = self.bench.controller.rx
        if field == "rate":
            rx.rate_ul_h[rung] ^= 1 << bit
        elif field == "dwell":
            rx.dwell_s[rung] ^= 1 << bit
        else:
            setattr(rx, field, getattr(rx, field) ^ 1 << bit)
        self.send("START")

    # --- at any time ---------------------------------------------------------------------

    @invariant()
    def the_pump_is_where_the_oracle_is(self) -> None:
        if hasattr(self, "bench"):
            assert self.bench.state == self.oracle.mode
            assert self.bench.rung <= self.oracle.rung
            assert self.bench.outputs.enable == (self.oracle.mode in ENABLED)
            assert self.oracle.uncleared <= self.bench.alarms
            if self.oracle.mode not in DELIVERING:
                assert self.bench.controller.ramp.rate_ul_h == 0  # as reported

    @invariant()
    def what_is_reported_was_counted(self) -> None:
        if hasattr(self, "bench") and self.memory_is_sound:
            volume = self.bench.controller.volume
            assert volume.counted_steps == self.oracle.edges
            assert volume.delivered_ul() == self.oracle.edges * 1000 // 6400
            # What is in the line is never more than what is reported.
            if self.bench.state != "FAULT":
                assert self.bench_net() <= volume.counted_steps

    def bench_net(self) -> int:
        """Steps forward less backward since START, as the motor turned."""
        if self.session != self.bench.controller.session:
            self.session = self.bench.controller.session
            self.net_at_start = self.bench.net_steps - self.oracle.edges
        return self.bench.net_steps - self.net_at_start
