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
        self.odd = 0
        self.ticks = 0
        self.buffer = bytearray(16)

    def tick(self, event, argument):
        inputs, outputs, queue = self.inputs, self.outputs, self.queue
        inputs.event = event
        inputs.argument = argument
        inputs.step_edges = queue[0]
        self.odd += queue[0]
        inputs.encoder_edges = self.odd >> 2
        self.odd &= 3
        self.controller.step(inputs, outputs)
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
        b[9] = c.alarms.active >> 8
        b[10] = c.titration.rung << 4 | c.titration.question
        b[11] = o.sound << 4 | o.lamp_red << 3 | o.lamp_yellow << 2 | o.lamp_green << 1 | o.enable
        b[12] = c.volume.counted_steps & 255
        b[13] = c.volume.counted_steps >> 8 & 255
        b[14] = c.volume.counted_steps >> 16
        b[15] = c.titration.question_id & 255
        for i in range(16):
            self.crc.add(b[i])

    def quiet_world(self):
        inputs = self.inputs
        inputs.dt_ms = 10
        inputs.down_ok = True
        inputs.up_ok = True
        inputs.down_pa = 5000
        inputs.up_pa = 5500
        inputs.air = False
        inputs.door_open = False
        inputs.host_silent_ms = 0

    def program(self):
        rx = self.controller.staged
        rx.set_program(40000, 4000, 100, 70000, 138600, len(LADDER))
        rx.set_settings(1000, 500, 60000, 1800, 60)
        for i in range(len(LADDER)):
            rx.set_rung(i, LADDER[i][0], LADDER[i][1])
        self.tick(st.EV_POST_PASSED, 0)
        self.tick(st.EV_COMMIT, 0)
        self.tick(st.EV_START, 0)

    def trouble(self):
        """Now and then something happens; returns an event."""
        inputs, chance = self.inputs, self.chance
        self.quiet_world()
        draw = chance.below(20_000)
        inputs.dt_ms = 10 + chance.below(3) - 1
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
        elif draw < 60:
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
        for i in range(writer.length):
            if line.feed(writer.data[i]):
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
    lock, unlock = _heap_locks()
    lock()
    try:
        for _ in range(ticks):
            argument = bench.controller.open_question()
            bench.tick(st.EV_CONFIRM if argument else st.NO_EVENT, argument)
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
    for seed in (7, 8):
        run_lines(seed)
    run_without_allocating(100_000)


if __name__ == "__main__":
    main()
