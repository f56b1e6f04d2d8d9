"""A journal over a plain memory: the same on CPython and on MicroPython, with the
heap locked there while it steps.  Prints what was stored."""

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        pass

    heap_unlock = heap_lock

from pump.app.journal import Journal
from pump.core import event_log
from pump.core.crc import Crc16
from pump.core.event_log import RamMemory
from pump.core.prescription import Prescription


class Memory(RamMemory):
    """A FRAM that never fails."""

    def __init__(self):
        super().__init__(32768)
        self.fitted = True


class Store:
    """A flash that keeps records in memory."""

    def __init__(self):
        self.records = {}

    def read(self, name, buffer):
        if name not in self.records:
            return -1
        data = self.records[name]
        for i in range(len(data)):
            buffer[i] = data[i]
        return len(data)

    def write(self, name, buffer, n):
        self.records[name] = bytes(buffer[:n])
        return True


class NoClock:
    fitted = False


def prescription():
    rx = Prescription()
    rx.set_program(400_000, 40_000, 100, 70_000, 138_000, 1)
    rx.set_settings(1000, 0, 60_000, 1800, 0)
    rx.set_rung(0, 138_000, 600)
    return rx


def steps(journal, rx, n, granted):
    """``n`` ticks of infusion, with pauses, chatter, an amendment and a reader."""
    for i in range(n):
        may_move = i % 500 < 400
        if may_move and granted + 9 <= journal.lease_steps:
            granted += 9
        if i % 100 == 0:
            journal.note(event_log.ALARM_RAISED, i % 20, granted, -i)
        journal.note(event_log.PERSON, 1, i, 0)
        if i == 2000:
            journal.amend(rx, 2_000_000)
        if i % 7 == 0:
            journal.read_record(i % 50)
        journal.step(may_move, granted, granted, i % 12, 10)
    return granted


def main():
    memory = Memory()
    store = Store()
    crc = Crc16()
    journal = Journal(memory, store, NoClock())
    journal.boot()
    rx = prescription()
    print(journal.open_session(1, rx, 2_560_000), journal.lease_steps)
    granted = steps(journal, rx, 1000, 0)
    heap_lock()
    granted = steps(journal, rx, 20_000, granted)
    heap_unlock()
    print(granted, journal.lease_steps, journal.ok, journal.log.next_seq)
    print(crc.of(memory.data, len(memory.data)))
    again = Journal(memory, store, NoClock())
    again.boot()
    print(again.interrupted, again.can_resume, again.recovered_steps, again.recovered_rung)
    print(again.log.first_seq, again.log.next_seq, again.log.count, again.log.broken_seq)
    print(again.close_session(granted), sorted(store.records["session"]))
    print(crc.of(memory.data, len(memory.data)))


if __name__ == "__main__":
    main()
