"""What is wired to the pins of a fitted board: sensors, encoder, memory, clock.

Parts that a test wants to misbehave are set from outside: pins through
``Board.drive``, pressures and other voltages through ``Fittings.counts``.
"""

from __future__ import annotations

import random

from emulator.board import VSYS_COUNTS, Board
from host_sim.display import DISPLAY_ADDRESS, Ssd1306
from host_sim.i2c_devices import CLOCK_ADDRESS, FRAM_ADDRESS, Ds3231, Fram
from pump.hal import pinout

STEPS_PER_DROP = 320  # 50 uL
_DROP_NS = 30_000_000.0
STEPS_PER_TURN_EDGE = 4  # motor steps for one rising edge of the encoder
_NOISE_COUNTS = 2
_SOUND_NS = 3_000_000.0  # the loop-back's pulse stretcher: more than a period of the tone
# Raw 12-bit counts of ADC0-3 at rest: both pressures near ambient, the motor's
# driver at room temperature, the supply.
AT_REST_COUNTS = (1440, 1447, 2048, VSYS_COUNTS)
# Levels of the inputs at rest: door closed, fluid in the line, keys up, supply good.
AT_REST_LEVELS = {
    pinout.ENCODER_B: 0,
    pinout.ENCODER: 0,
    pinout.FLUID: 1,
    pinout.DOOR: 0,
    pinout.STOP_KEY: 0,
    pinout.SOUND_SENSE: 0,
    pinout.OK_KEY: 1,
    pinout.SDA: 1,
    pinout.SCL: 1,
    pinout.RTC_SECOND: 0,
    pinout.SUPPLY_GOOD: 1,
    pinout.MAINTENANCE: 1,
    pinout.DROP: 0,
}


class _AlwaysOn:
    """The supply that the parts of ``host_sim`` ask for; here nobody cuts it."""

    is_on = True

    def take(self, n: int) -> int:
        return n


class _ByteWise:
    """A part of ``host_sim``, which knows whole transfers, on a bus of single bytes."""

    def __init__(self, part):
        self._part = part
        self._sent = bytearray()
        self._answer: bytes | None = None
        self._at = 0

    def start(self, is_read: bool) -> None:
        self._flush()
        self._answer = None

    def write(self, byte: int) -> bool:
        if self._part.is_deaf or not self._part.is_present:
            return False
        self._sent.append(byte)
        return True

    def read(self) -> int:
        if self._answer is None or self._at == len(self._answer):
            self._answer = self._part.send(64)
            self._at = 0
        self._at += 1
        return self._answer[self._at - 1]

    def stop(self) -> None:
        self._flush()
        self._answer = None

    def _flush(self) -> None:
        if self._sent:
            self._part.receive(bytes(self._sent))
            self._sent.clear()


class Fittings:
    """Everything of ``docs/simulator.md``'s bench on an emulated board.

    ``fram``, ``clock``, ``display``  the parts on I2C
    ``counts``    raw 12-bit counts of ADC0-3; a noise of 2 counts is added
    ``turns``     the motor turns with its steps; if not, it stands still
    ``steps``     rising STEP edges so far, forward less backward
    """

    def __init__(self, board: Board, fram: bytes | None = None, seed: int = 1):
        self._board = board
        self.fram = Fram(_AlwaysOn(), fram)
        self.clock = Ds3231(lambda: int(board.clock.nanos / 1000))
        board.buses[0].parts[FRAM_ADDRESS] = _ByteWise(self.fram)
        board.buses[0].parts[CLOCK_ADDRESS] = _ByteWise(self.clock)
        self.display = Ssd1306(seed)
        board.buses[0].parts[DISPLAY_ADDRESS] = _ByteWise(self.display)
        for pin, level in AT_REST_LEVELS.items():
            board.drive(pin, level)
        self.counts = board.analog.counts
        self.counts[:] = AT_REST_COUNTS
        noise = random.Random(seed)
        board.analog.noise = lambda: noise.randrange(-_NOISE_COUNTS, _NOISE_COUNTS + 1)
        self.turns = True
        self.steps = 0
        self._phase = 0
        self._second = 0
        self._to_drop = STEPS_PER_DROP
        self._drop_falls = board.clock.create_alarm(lambda: board.drive(pinout.DROP, 0))
        self._is_heard = board.clock.create_alarm(lambda: board.drive(pinout.SOUND_SENSE, 0))
        board.on_edge.append(self._edge)
        board.every(0.5, self._half_second)

    def _edge(self, _ns: float, pin: int, _old: int, new: int) -> None:
        board = self._board
        if pin == pinout.STEP:
            if new == 1:
                self._step()
        elif pin == pinout.SOUNDER:
            if new == 1:
                board.drive(pinout.SOUND_SENSE, 1)
                self._is_heard.schedule(_SOUND_NS)
        elif pin == pinout.AIR_PROBE:
            # Without its emitter the detector sees what it sees in air.
            board.drive(pinout.FLUID, 0 if new == 1 else AT_REST_LEVELS[pinout.FLUID])

    def _step(self) -> None:
        board = self._board
        forward = board.level(pinout.DIRECTION) == 1
        self.steps += 1 if forward else -1
        if not self.turns or board.level(pinout.ENABLE) != 1:
            return
        self._to_drop -= 1 if forward else -1
        if self._to_drop <= 0:
            self._to_drop += STEPS_PER_DROP
            board.drive(pinout.DROP, 1)
            self._drop_falls.schedule(_DROP_NS)
        # The shaft, in microsteps: the encoder's first channel is high for half of each
        # four; its second is high at the rising edge when it turns backwards.
        self._phase += 1
        at = self._phase % STEPS_PER_TURN_EDGE
        if at == 0:
            board.drive(pinout.ENCODER_B, 0 if forward else 1)
            board.drive(pinout.ENCODER, 1)
        elif at == STEPS_PER_TURN_EDGE // 2:
            board.drive(pinout.ENCODER, 0)

    def _half_second(self) -> None:
        if self.clock.has_square_wave:
            self._second ^= 1
            self._board.drive(pinout.RTC_SECOND, self._second)
