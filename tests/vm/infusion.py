"""Runs unchanged on CPython and on MicroPython: the core and the protocol
through whole infusions with made-up troubles, and a digest of every output.

Prints lines that must be the same on both.
"""

from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import roles
from pump.core.controller import Controller
from pump.core.outputs import Outputs
from pump.core.readings import Inputs
from pump.protocol import authentication, framing, messages, session

LADDER = ((33600, 600), (70000, 600), (138600, 600))
EVENTS = (
    st.EV_STAY, st.EV_CLIMB, st.EV_DOWN, st.EV_HOLD, st.EV_RELEASE, st.EV_PAUSE, st.EV_RESUME,
    st.EV_KVO, st.EV_STOP, st.EV_ACK, st.EV_RESET, st.EV_RESUME, st.EV_RELEASE, st.EV_CONFIRM,
)  # fmt: skip


class Chance:
    """A generator of its own, of 24 bits, so that both worlds draw the same."""

    def __init__(self, seed):
        self.value = seed

    def below(self, n):
        # 15 bits times 12 bits stays a small integer everywhere.
        self.value = ((self.value & 0x7FFF) * 3877 + (self.value >> 9) + 29573) & 0xFFFFFF
        return (self.value >> 4) % n


class Bench:
    """A controller with a motor that steps two ticks after it was told to."""

    def __init__(self, seed):
        self.chance = Chance(seed)
        self.controller = Controller()
        self.inputs = Inputs()
        self.outputs = Outputs()
        self.crc = framing.Crc16()
        self.queue = [0, 0]
        self.reverse = False  # what the queue holds
        self.odd = 0
        self.drop = 0
        self.ticks = 0
        self.air = 0  # ticks for which there still is some
        self.clock_ms = 0
        self.blocked = 0
        self.buffer = bytearray(20)

    def tick(self, event, argument):
        inputs, outputs, queue = self.inputs, self.outputs, self.queue
        inputs.event = event
        inputs.argument = argument
        inputs.step_edges = queue[0]
        self.odd += queue[0]
        inputs.encoder_edges = self.odd >> 2
        self.odd &= 3
        inputs.reverse_edges = inputs.encoder_edges if self.reverse else 0
        inputs.drop = False
        if not self.reverse:
            self.drop += queue[0]
            if self.drop >= 320:
                self.drop -= 320
                inputs.drop = True
        # The last bits of a converter are never still.
        inputs.down_pa ^= self.ticks & 1
        inputs.up_pa ^= self.ticks & 1
        inputs.air = outputs.air_probe or self.air > 0
        inputs.enable_level = outputs.enable
        inputs.sound_heard = outputs.sound
        inputs.clock_seconds = 0
        self.clock_ms += inputs.dt_ms
        if self.clock_ms >= 1000:
            self.clock_ms -= 1000
            inputs.clock_seconds = 1
        self.controller.step(inputs, outputs)
        self.reverse = outputs.reverse
        queue[0] = queue[1]
        queue[1] = outputs.steps
        if outputs.rate_ul_h == 0:
            queue[0] = 0
            queue[1] = 0
        self.ticks += 1

    def digest(self):
        b, o, c = self.buffer, self.outputs, self.controller
        b[0] = c.state
        b[1] = o.steps
        b[2] = o.rate_ul_h & 255
        b[3] = o.rate_ul_h >> 8 & 255
        b[4] = o.rate_ul_h >> 16
        b[5] = o.last_step_us & 255
        b[6] = o.last_step_us >> 8 & 255
        b[7] = o.event_result
        b[8] = c.alarms.active & 255
        b[9] = c.alarms.active >> 8 & 255
        b[10] = c.titration.rung << 4 | c.titration.question
        b[11] = o.sound << 4 | o.lamp_red << 3 | o.lamp_yellow << 2 | o.lamp_green << 1 | o.enable
        b[12] = c.volume.counted_steps & 255
        b[13] = c.volume.counted_steps >> 8 & 255
        b[14] = c.volume.counted_steps >> 16
        b[15] = c.titration.question_id & 255
        b[16] = c.alarms.active >> 16 & 255
        b[17] = c.alarms.active >> 24
        b[18] = o.reverse << 1 | o.air_probe
        b[19] = c.alarms.needs_supervisor() << 7 | c.volume.missing_steps & 127
        for i in range(20):
            self.crc.add(b[i])

    def quiet_world(self):
        inputs = self.inputs
        inputs.dt_ms = 10
        inputs.down_ok = True
        inputs.up_ok = True
        inputs.down_pa = 5000
        inputs.up_pa = 5500
        inputs.door_open = False
        inputs.host_silent_ms = 0
        inputs.role = 1
        inputs.clock_fitted = True
        inputs.guard_beats = 1
        inputs.supply_good = True
        inputs.driver_c = 30
        inputs.storage_ok = True
        inputs.lease_steps = 1 << 29
        inputs.stop_key = False
        inputs.ok_key = False

    def program(self, vtbi_ul=40000, ladder=LADDER):
        rx = self.controller.staged
        rx.set_program(vtbi_ul, vtbi_ul // 10, 100, 70000, 138600, len(ladder))
        rx.set_settings(1000, 500, 60000, 1800, 60)
        for i in range(len(ladder)):
            rx.set_rung(i, ladder[i][0], ladder[i][1])
        self.tick(st.EV_POST_PASSED, 0)
        self.tick(st.EV_COMMIT, 0)
        self.tick(st.EV_START, 0)

    def trouble(self):
        """Now and then something happens; returns an event."""
        inputs, chance = self.inputs, self.chance
        self.quiet_world()
        draw = chance.below(20_000)
        inputs.dt_ms = 10 + chance.below(3) - 1
        if self.air:
            self.air -= 1
        if self.blocked:
            self.blocked -= 1
            inputs.down_pa = 61000
        if draw == 0:
            inputs.dt_ms = 35
        elif draw == 1:
            inputs.down_ok = False
        elif draw == 2:
            inputs.down_pa = 61000
        elif draw == 3:
            inputs.up_pa = -20000
        elif draw == 4:
            inputs.door_open = True
        elif draw == 5:
            self.blocked = 300  # ticks: long enough for a back-off
        elif draw == 6:
            inputs.stop_key = True
        elif draw < 10:
            inputs.ok_key = True
        elif draw < 13:
            inputs.role = 2
            return st.EV_RESET
        elif draw == 13:
            inputs.storage_ok = False
        elif draw == 14:
            self.air = 400
        elif draw < 70:
            return EVENTS[chance.below(len(EVENTS))]
        return st.NO_EVENT

    def run(self, ticks, with_trouble):
        """Ticks; questions are answered at once."""
        controller = self.controller
        for _ in range(ticks):
            event = self.trouble() if with_trouble else st.NO_EVENT
            argument = controller.open_question()
            if event == st.NO_EVENT and argument:
                event = st.EV_CONFIRM
            self.tick(event, argument)
            self.digest()


def run_to_the_end(vtbi_ul, ladder, blocked):
    """A whole day: an occlusion and its back-off, each step up, its end, and END."""
    bench = Bench(9)
    bench.quiet_world()
    bench.program(vtbi_ul, ladder)
    c = bench.controller
    at = 0
    rung = -1
    while c.state != st.COMPLETE and at < 150_000:
        event = st.NO_EVENT
        argument = c.open_question()
        if argument:
            event = st.EV_CONFIRM
        if at == blocked:
            bench.inputs.down_pa = 61000
        elif at == blocked + 200:
            bench.inputs.down_pa = 4000
        elif at == blocked + 300:
            event = st.EV_RESET
        elif at == blocked + 301:
            event = st.EV_RESUME
        bench.tick(event, argument)
        bench.digest()
        if c.titration.rung != rung:
            rung = c.titration.rung
            print("rung", rung, "at tick", at, c.volume.counted_steps, bench.crc.value)
        at += 1
    print("end", at, st.STATE_NAMES[c.state], c.volume.counted_steps, bench.crc.value)
    bench.tick(st.EV_END, 0)
    bench.run(1000, with_trouble=False)
    print("after", st.STATE_NAMES[c.state], c.volume.counted_steps, bench.crc.value)


def run_lines(seed):
    """Random and mutated lines through the receiving end; a digest of the verdicts."""
    chance = Chance(seed)
    crc = framing.Crc16()
    digest = framing.Crc16()
    access = authentication.Authentication("", None, None)
    conversation = session.Session(crc, access)
    line = framing.LineReader()
    writer = framing.LineWriter(crc)
    for n in range(400):
        access.role = chance.below(len(roles.ROLE_NAMES))
        writer.begin()
        writer.number(conversation.last_seq + 1 if chance.below(4) else chance.below(70000))
        writer.text(b" ")
        row = messages.MESSAGES[chance.below(len(messages.MESSAGES))]
        if n % 50 == 0:
            row = messages.MESSAGES[messages.M_HELLO]
        writer.text(row[messages.COL_VERB])
        for argument in row[messages.COL_ARGUMENTS]:
            writer.text(b" ")
            if row[messages.COL_VERB] == b"HELLO":
                value = conversation.table
                if argument[0] == "version":
                    value = messages.PROTOCOL_VERSION
            elif argument[2] == messages.HEX:
                for _ in range(argument[1]):
                    writer.padded(chance.below(10), 1)
                continue
            else:
                value = argument[1] + chance.below(argument[2] - argument[1] + 2)
            writer.number(value)
        writer.finish()
        if chance.below(3) == 0:
            writer.data[chance.below(writer.length - 1)] = 32 + chance.below(90)
        rests = [memoryview(writer.data)[i:] for i in range(writer.length)]
        at = 0
        while at < writer.length:
            end = min(at + 1 + chance.below(32), writer.length)
            is_last = end == writer.length  # the line feed
            line.add(rests, at, end - 1 if is_last else end)
            at = end
            if is_last:
                line.end()
                verdict = conversation.accept(line)
                if verdict == session.EXECUTE or verdict == session.HALT:
                    conversation.executed(line)
                digest.add(verdict)
                digest.add(conversation.reason)
                digest.add(conversation.message)
    print("lines", digest.value, conversation.last_seq, conversation.refused())


def run_without_allocating(ticks):
    """``ticks`` ticks of an infusion with the heap locked, where there is one to lock."""
    bench = Bench(5)
    bench.quiet_world()
    bench.program()
    blocked = ticks // 2
    lock, unlock = _heap_locks()
    lock()
    try:
        for _ in range(ticks):
            argument = bench.controller.open_question()
            event = st.EV_CONFIRM if argument else st.NO_EVENT
            if bench.ticks == blocked:
                bench.inputs.down_pa = 61000  # alarm, back-off, and on again
            elif bench.ticks == blocked + 200:
                bench.inputs.down_pa = 4000
            elif bench.ticks == blocked + 300:
                event = st.EV_RESET
            elif bench.ticks == blocked + 301:
                event = st.EV_RESUME
            bench.tick(event, argument)
    finally:
        unlock()
    print("no allocation", bench.ticks, bench.controller.volume.counted_steps)


def _heap_locks():
    import micropython

    if hasattr(micropython, "heap_lock"):
        return micropython.heap_lock, micropython.heap_unlock
    return (lambda: None), (lambda: None)


def main():
    print("table", messages.table_checksum(framing.Crc16()), ac.N_CONDITIONS)
    for seed in (1, 2, 3):
        bench = Bench(seed)
        bench.quiet_world()
        bench.program()
        for part in range(4):
            bench.run(8000, with_trouble=seed != 1)
            c = bench.controller
            print(seed, part, bench.crc.value, st.STATE_NAMES[c.state], c.volume.counted_steps)
    run_to_the_end(6500, ((33600, 600), (70000, 600)), 3000)
    run_to_the_end(1000, ((138600, 600),), 1200)
    for seed in (7, 8):
        run_lines(seed)
    run_without_allocating(100_000)


if __name__ == "__main__":
    main()
