"""What the suite asks of a device under test; one driver each in `sim`, `emulator` and
`serial_board`.  Nothing above this file knows which of them it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from host_sim.links import Link

# What not every device can be made to do.
FORK = "fork"  # trials from one and the same moment
HANG = "hang"  # the processor stops executing, interrupts off
UNPLUG = "unplug"  # the cable is pulled while the pump has a supply of its own
IGNORE = "ignore"  # the host has the port open and does not read
LOOP = "loop"  # the program loops, interrupts are served
PROCESSOR_TIME = "processor-time"  # what the processor does takes its time
REASONS = {
    HANG: "this device cannot be made to hang from outside",
    LOOP: "this device cannot be made to loop from outside",
    UNPLUG: "the cable cannot be pulled by the bench",
    IGNORE: "the bench cannot keep this host from reading",
    PROCESSOR_TIME: "what a simulated processor does takes no time",
}


class Dut(Protocol):
    """A device under test.

    ``kind``   sim, emulator or serial
    ``link``   its serial line; waiting at it lets the device's time pass
    ``can``    what of the above it can be made to do
    ``about``  what the report says of it
    """

    @property
    def kind(self) -> str: ...

    @property
    def link(self) -> Link: ...

    @property
    def can(self) -> frozenset[str]: ...

    @property
    def about(self) -> dict[str, str]: ...

    def wait(self, seconds: float) -> None:
        """Let the device's time pass."""
        ...

    def expect_reset(self) -> None:
        """A reset is to come: its line may go for a while."""
        ...

    def send(self, data: bytes, after_us: int, clock_us: Callable[[], int]) -> int:
        """Put ``data`` on the serial line ``after_us`` from now.  Returns what
        ``clock_us`` said when its last byte had at the latest not yet left: a response
        time from there on is never too short."""
        ...

    def rise_s(self, rate_ul_h: int) -> float:
        """From START until that rate is reached, s."""
        ...

    def hang(self, after_us: int, seconds: float, irqs_off: bool) -> None:
        """``after_us`` from now the processor stops executing, for so long or until it is
        reset; with ``irqs_off`` its interrupts, too.  Returns when it is over."""
        ...

    def unplug(self) -> None: ...

    def plug_in(self) -> None: ...

    def ignore(self, is_ignored: bool) -> None:
        """The host has the port open, and reads nothing."""
        ...

    def flood(self, is_flooded: bool) -> None:
        """The host sends noise as fast as the line takes it."""
        ...

    def in_forks(self, trials: Iterable[Callable[[], object]]) -> list:
        """Each from this very moment; what they return."""
        ...

    def close(self) -> None: ...
