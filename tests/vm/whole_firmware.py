"""The whole firmware from boot to the end of an infusion, on the fakes of ``fake_board``.

Runs unchanged on CPython and on MicroPython and prints lines that must be the
same on both: what it says on its serial line, byte by byte as a checksum, and
its motor's steps.  Then 100,000 ticks of an infusion with the heap locked.
"""

import fake_board
from micropython import heap_lock, heap_unlock

from pump.core import roles
from pump.protocol import authentication, framing, messages

_OK_MAX_TICKS = 300


class Person:
    """Types lines at the serial line, and reads what comes back."""

    def __init__(self, application):
        self.application = application
        self.crc = framing.Crc16()
        self.said = framing.Crc16()
        self.writer = framing.LineWriter(framing.Crc16())
        self.line = bytearray(200)
        self.n = 0
        self.last = b""
        self.answer = b""
        self.question = 0
        self.lines = 0
        self.keeps = True
        self.seq = 0
        fake_board.serial.on_byte = self.hear

    def hear(self, byte):
        self.said.add(byte)
        if byte != 10:
            self.line[self.n] = byte
            self.n += 1
            return
        self.lines += 1
        if self.keeps:
            # The person is no part of the board, whose heap is locked in a tick.
            heap_unlock()
            self._keep(bytes(self.line[: self.n]))
            heap_lock()
        self.n = 0

    def _keep(self, line):
        self.last = line
        if line.startswith(b"!Q"):
            self.question = int(line.split(b",")[3])
        elif not line.startswith(b"!"):
            self.answer = line

    def run(self, ticks):
        run_once = self.application.run_once
        for _ in range(ticks):
            run_once()

    def framed(self, body):
        """``body`` as the next frame."""
        writer = self.writer
        writer.begin()
        writer.number(self.seq)
        writer.text(b" ")
        writer.text(body)
        writer.finish()
        self.seq += 1
        return bytes(writer.data[: writer.length])

    def ask(self, data):
        """Type ``data`` and wait for the answer; the answer."""
        self.answer = b""
        fake_board.serial.type(data)
        for _ in range(_OK_MAX_TICKS):
            self.run(1)
            if self.answer:
                return self.answer.split(b"*")[0]
        return b"no answer"

    def do(self, body):
        answer = self.ask(self.framed(body))
        print(body.split(b" ")[0], answer.split(b",")[0].split(b" ", 1)[1])
        return answer

    def log_in(self, role):
        """By the device key of the fakes."""
        name = roles.ROLE_NAMES[role].encode()
        answer = self.do(b"CHALLENGE %d" % role)
        nonce = fake_board.urandom(authentication.NONCE_LENGTH)
        device = authentication.HmacSha256(bytes(fake_board.world.files["key"]))
        role_key = bytes(device.digest(name, b"", b""))
        serial = b"E661541A00000007"
        response = bytes(authentication.HmacSha256(role_key).digest(nonce, serial, name))
        digits = b"".join(b"%02X" % byte for byte in response[: authentication.RESPONSE_LENGTH])
        assert answer
        self.do(b"LOGIN %d %s" % (role, digits))

    def program(self, vtbi_ul, cap_ul_h, rungs):
        self.do(b"PROGRAM %d %d 100 70000 %d %d" % (vtbi_ul, vtbi_ul // 10, cap_ul_h, len(rungs)))
        self.do(b"SETTINGS 10000 0 60000 1800 0")
        for i in range(len(rungs)):
            self.do(b"RUNG %d %d %d" % (i, rungs[i][0], rungs[i][1]))
        self.crc.begin()
        for i in range(2 + len(rungs)):
            answer = self.ask(b"RX? %d\n" % i)
            self.crc.add_all(answer.split(b"RX? ")[1] + b"\n")
        self.do(b"COMMIT %d" % self.crc.value)

    def state(self):
        return self.ask(b"STATUS?\n").split(b",")[1]

    def report(self, what):
        world = fake_board.world
        state = self.state().decode()
        print("-- %s: %s" % (what, state), world.steps, world.turns, self.said.value)


def start():
    """The firmware's imports on the fakes, and a running application."""
    undo = fake_board.install()
    try:
        from pump.app import application
        from pump.hal import usb_line
    finally:
        undo()
    fake_board.wire(usb_line)
    person = Person(application.Application())
    person.run(900)  # the self-test
    print(person.ask(b"POST?\n"), person.ask(b"FITTED?\n"))
    table = messages.table_checksum(framing.Crc16())
    person.seq = 0
    person.do(b"HELLO %d %d" % (messages.PROTOCOL_VERSION, table))
    person.log_in(roles.OPERATOR)
    return person


def infusion_with_troubles(person):
    """3 mL: STOP, an occlusion with its back-off, the door, and the end."""
    world = fake_board.world
    person.program(3000, 300_000, ((300_000, 600),))
    person.do(b"START")
    person.run(500)
    person.report("infusing")
    fake_board.serial.type(b"STOP\n")
    person.run(20)
    person.report("stopped")
    person.do(b"RESET")
    person.do(b"RESUME")
    person.run(500)
    world.down_pa = 70_000
    person.run(10)
    person.report("occluded")
    world.down_pa = 5000
    person.run(500)
    person.report("backed off")
    person.do(b"RESET")
    person.do(b"RESUME")
    person.run(500)
    world.levels[fake_board._DOOR] = 1
    person.run(10)
    person.report("door open")
    world.levels[fake_board._DOOR] = 0
    person.run(50)
    person.do(b"RESET")
    person.do(b"RESUME")
    for _ in range(100):
        person.run(100)
        if person.state() == b"COMPLETE":
            break
    person.report("complete")
    person.do(b"END")
    person.run(50)
    person.report("idle")


def without_allocating(person, ticks):
    """``ticks`` ticks of the whole loop while it delivers, heap locked."""
    person.program(40_000, 120_000, ((120_000, 1800),))
    person.do(b"START")
    person.run(200)
    person.keeps = False
    run_locked(person, ticks, person.framed(b"HOLD"), person.framed(b"RELEASE"))
    person.keeps = True
    person.report("%d ticks" % ticks)


def run_locked(person, ticks, hold, release):
    run_once = person.application.run_once
    serial = fake_board.serial
    heap_lock()
    try:
        for i in range(ticks):
            run_once()
            if i % 500 == 0:
                serial.type(b"STATUS?\n")
            elif i % 500 == 250:
                serial.type(b"garbage*0000\n")
            elif i == 50_001:
                serial.type(hold)
            elif i == 50_500 + 1:
                serial.type(release)
    finally:
        heap_unlock()


def main():
    person = start()
    infusion_with_troubles(person)
    without_allocating(person, 100_000)


if __name__ == "__main__":
    main()
