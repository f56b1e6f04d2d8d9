"""A board that is nothing but its storage: FRAM, clock chip, flash, one supply.

``Infusion`` drives a journal as the loop does and knows what was truly
delivered, which the journal does not.
"""

from __future__ import annotations

from array import array

from properties.core_bench import Order

from host_sim import fakes
from host_sim.flash import Flash
from host_sim.i2c_devices import CLOCK_ADDRESS, FRAM_ADDRESS, Ds3231, Fram
from host_sim.power import Supply
from pump.core import event_log
from pump.core.prescription import Prescription
from pump.core.units import steps_for_volume

journal_module = fakes.load("pump.app.journal")
fram_module = fakes.load("pump.hal.fram")
bus_module = fakes.load("pump.hal.i2c_bus")
clock_module = fakes.load("pump.hal.clock_chip")
flash_module = fakes.load("pump.hal.flash_store")

TICK_MS = 10
ML_STEPS = 6400
ORDER = Order(vtbi_ul=20_000, dose_mg=2000, rungs=((60_000, 600), (500_000, 600)), cap_ul_h=500_000)


class StorageBoard:
    """What the fakes need of a board, and what keeps data on it."""

    def __init__(self, fram: bool = True, clock: bool = True):
        self.now_us = 0
        self.levels = [1] * 30
        self.pio_pins: set[int] = set()
        self.driven_inputs: set[int] = set()
        self.pin_changes: list[tuple[int, int]] = []
        self.supply = Supply()
        self.fram = Fram(self.supply)
        self.fram.is_present = fram
        self.clock = Ds3231(lambda: self.now_us)
        self.clock.is_present = clock
        self.i2c_is_stuck = False
        self.i2c_devices = {FRAM_ADDRESS: self.fram, CLOCK_ADDRESS: self.clock}
        self.flash = Flash(self.supply)

    def pull_input(self, gpio: int, level: int) -> None:
        if gpio not in self.driven_inputs:
            self.levels[gpio] = level

    def set_pin(self, gpio: int, level: int) -> None:
        self.pin_changes.append((gpio, level))
        self.levels[gpio] = level

    def advance(self, us: int) -> None:
        self.now_us += us

    def boot(self):
        """The firmware's storage, started from nothing; returns its journal."""
        fakes.hub.board = self
        self.supply.restore()
        self.flash.power_on()
        bus = bus_module.open_bus()
        journal = journal_module.Journal(
            fram_module.Fram(bus), flash_module.FlashStore(), clock_module.ClockChip(bus)
        )
        journal.boot()
        return journal


def order_rx(order: Order = ORDER) -> Prescription:
    rx = Prescription()
    order.stage(rx)
    return rx


class Infusion:
    """The loop around a journal.

    ``true_steps``  edges that the motor has really made
    ``granted``     steps handed out; at most the lease of the tick before
    """

    def __init__(self, board: StorageBoard, journal=None):
        self.board = board
        self.journal = journal or board.boot()
        self.true_steps = 0
        self.granted = 0
        self.rung = 0
        self.vtbi_steps = 0
        self.is_open = False
        self.bus_most = 0

    def start(self, session: int = 1, order: Order = ORDER) -> bool:
        rx = order_rx(order)
        self.vtbi_steps = steps_for_volume(rx.vtbi_ul)
        self.true_steps = self.granted = 0
        self.is_open = self.journal.open_session(session, rx, self.vtbi_steps)
        return self.is_open

    def tick(self, steps: int = 0, may_move: bool = True) -> None:
        """Grant ``steps`` as far as the lease goes; the motor makes them."""
        board = self.board
        steps = min(steps, self.journal.lease_steps - self.granted)
        if may_move and steps > 0:
            self.granted += steps
            self.true_steps += steps
        before = board.fram.transactions
        self.journal.step(may_move, self.granted, self.true_steps, self.rung, TICK_MS)
        self.bus_most = max(self.bus_most, board.fram.transactions - before)
        board.now_us += TICK_MS * 1000

    def run(self, ticks: int, steps: int, may_move: bool = True) -> None:
        for _ in range(ticks):
            self.tick(steps, may_move)

    def settle(self) -> None:
        """Motor off until everything is written."""
        self.run(40, 0, may_move=False)
        while self.journal.pending():
            self.tick(0, may_move=False)

    def end(self) -> bool:
        self.is_open = False
        return self.journal.close_session(self.true_steps)


RECORD_FIELDS = ("seq", "day", "ms", "kind", "code", "a", "b", "prev", "crc")


def records(journal) -> list[dict[str, int]]:
    """Every record that can be read, oldest first."""
    log = journal.log
    found = []
    for seq in range(log.first_seq, log.next_seq):
        if log.fetch(seq):
            found.append({name: getattr(log, name) for name in RECORD_FIELDS})
    return found


def kinds(journal) -> list[str]:
    return [event_log.LOG_KINDS[record["kind"]][0] for record in records(journal)]


def chain_holds(found: list[dict[str, int]]) -> bool:
    return all(
        b["seq"] == a["seq"] + 1 and b["prev"] == a["crc"]
        for a, b in zip(found, found[1:], strict=False)
    )


def plain(rx: Prescription) -> dict[str, object]:
    """Every field that is part of the order."""
    return {
        name: list(value) if isinstance(value, array) else value
        for name, value in vars(rx).items()
        if name != "age_ms"
    }
