"""`machine.mem32` for the registers that the firmware touches, and no others."""

from host_sim.fakes import hub

SCRATCH_0 = 0x4005800C
GPIO_IN = 0xD0000004
FC0_REF_KHZ, FC0_MIN_KHZ, FC0_MAX_KHZ = 0x40008080, 0x40008084, 0x40008088
FC0_INTERVAL, FC0_SRC = 0x40008090, 0x40008094
FC0_STATUS, FC0_RESULT = 0x40008098, 0x4000809C
ROSC = 3
DONE, RUNNING = 1 << 4, 1 << 8
# The ring oscillator at 1000 permille.
ROSC_KHZ = 6500


class FrequencyCounter:
    """FC0 of one board: counts the ring oscillator against the crystal."""

    def __init__(self):
        self.registers = {FC0_REF_KHZ: 0, FC0_MIN_KHZ: 0, FC0_MAX_KHZ: 0x1FFFFFF, FC0_INTERVAL: 8}
        self._done_us = 0
        self._result = 0

    def write(self, address: int, value: int) -> None:
        if address == FC0_SRC:
            if value != ROSC or self.registers[FC0_REF_KHZ] != 12_000:
                raise NotImplementedError("FC0 counts the ring oscillator against 12 MHz")
            interval_us = int(0.98 * (1 << self.registers[FC0_INTERVAL]))
            self._done_us = hub.board.now_us + interval_us
            self._result = ROSC_KHZ * 32 * hub.board.osc_permille // 1000
        elif address in self.registers:
            self.registers[address] = value
        else:
            raise NotImplementedError(f"mem32[{address:#x}] = {value:#x}")

    def read(self, address: int) -> int:
        done = hub.board.now_us >= self._done_us
        if address == FC0_STATUS:
            return DONE if done else RUNNING
        if address == FC0_RESULT:
            return self._result if done else 0
        raise NotImplementedError(f"mem32[{address:#x}]")


class _Mem32:
    def __getitem__(self, address: int) -> int:
        if address == GPIO_IN:
            bits = 0
            for level in reversed(hub.board.levels):
                bits = bits << 1 | level
            return bits
        if address == SCRATCH_0:
            return hub.board.scratch[0]
        return hub.board.frequency_counter.read(address)

    def __setitem__(self, address: int, value: int) -> None:
        if address == SCRATCH_0:
            hub.board.scratch[0] = value
        else:
            hub.board.frequency_counter.write(address, value)


mem32 = _Mem32()
