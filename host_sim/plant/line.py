"""The fluid line: bag, inlet, pump mechanism, tubing, vein.

Two compliant volumes joined by the mechanism, integrated explicitly every
10 ms.  Only + - * / on floats, so a run is the same on every machine.

Figures are this project's own choices for a gravity-fed IV set on a
peristaltic mechanism, inside of what the sources describe: they set how fast
a pressure rises, not what the firmware may do.
"""

from __future__ import annotations

import random

from pump.core import units

STEP_UL = 1000 / units.STEPS_PER_ML
# Downstream tubing: 1.5 uL/kPa; resistance of set and catheter 100 Pa per uL/s,
# which is 33 kPa at 1200 mL/h.  Time constant 0.15 s.
DOWN_COMPLIANCE_UL_PA = 0.0015
DOWN_RESISTANCE_PA_S_UL = 100.0
VEIN_PA = 1500.0
# Inlet: a bag 60 cm above the pump gives 6 kPa; 10 Pa per uL/s; 20 ms.
BAG_HEAD_PA = 6000.0
UP_COMPLIANCE_UL_PA = 0.002
UP_RESISTANCE_PA_S_UL = 10.0
# The open tubing where the mechanism had pressed it.
FREE_RESISTANCE_PA_S_UL = 20.0
# No inlet falls below this: the fluid would boil first.
VACUUM_PA = -80_000.0
# Between the bag's spike and the air detector.
INLET_VOLUME_UL = 3000.0
# A roller passes every 160 steps; the flow swings by this around its mean.
CYCLE_STEPS = 160
CYCLE_AMPLITUDE = 0.03


class Line:
    """The plant.  ``step`` is called for every 10 ms and does nothing else.

    Faults are attributes that somebody may set: ``down_occluded``,
    ``up_occluded``, ``stalled``, ``free_flow``, ``add_air``.
    """

    def __init__(self, seed: int, bag_ul: float):
        rng = random.Random(seed)
        self.gain = 1.0 + (rng.random() - 0.5) * 0.02  # mechanism within 1 %
        self.bag_ul = bag_ul
        self.down_pa = VEIN_PA
        self.up_pa = BAG_HEAD_PA
        self.patient_ul = 0.0
        self.flow_ul_s = 0.0  # into the vein
        self.motor_steps = 0  # that turned the motor
        self.encoder_edges = 0
        self.air_present = False
        self._air: list[list[float]] = []  # [uL until the detector, uL long]
        self.down_occluded = False
        self.up_occluded = False
        self.stalled = False
        self.encoder_dead = False
        self.free_flow = False
        cycle = []
        for i in range(CYCLE_STEPS):
            # A triangle around 1: same mean, no library functions.
            x = 4 * i / CYCLE_STEPS
            wave = x - 1 if x < 2 else 3 - x
            cycle.append(STEP_UL * self.gain * (1 + CYCLE_AMPLITUDE * wave))
        # Sums, so that a tick costs one subtraction however many steps it had.
        self._travel = [0.0]
        for _turn in range(2):
            for volume in cycle:
                self._travel.append(self._travel[-1] + volume)
        self._phase = 0

    def add_air(self, volume_ul: float) -> None:
        """A bubble of ``volume_ul`` enters just before the air detector."""
        self._air.append([20.0, volume_ul])

    def step(self, dt_s: float, steps: int) -> None:
        """Let ``dt_s`` pass while the motor is given ``steps`` steps."""
        moved = 0.0
        if steps and not self.stalled:
            self.motor_steps += steps
            if not self.encoder_dead:
                self.encoder_edges = self.motor_steps >> 2
            phase = self._phase
            moved = self._travel[phase + steps] - self._travel[phase]
            self._phase = (phase + steps) % CYCLE_STEPS
        if self.free_flow:
            # The tubing is out of the mechanism, which turns for nothing: the
            # bag's head alone drives the line.
            moved = (self.up_pa - self.down_pa) * dt_s / FREE_RESISTANCE_PA_S_UL
        up_pa = self.up_pa
        if self.up_occluded:
            inflow = 0.0
        elif self.bag_ul > 0.0:
            inflow = (BAG_HEAD_PA - up_pa) / UP_RESISTANCE_PA_S_UL * dt_s
            self.bag_ul -= inflow
            if self.bag_ul <= 0.0:
                self._air.append([INLET_VOLUME_UL, 1e9])
        else:
            inflow = (0.0 - up_pa) / UP_RESISTANCE_PA_S_UL * dt_s
        up_pa += (inflow - moved) / UP_COMPLIANCE_UL_PA
        if up_pa < VACUUM_PA:
            moved -= (VACUUM_PA - up_pa) * UP_COMPLIANCE_UL_PA
            up_pa = VACUUM_PA
        self.up_pa = up_pa
        if self.down_occluded:
            outflow = 0.0
        else:
            outflow = (self.down_pa - VEIN_PA) / DOWN_RESISTANCE_PA_S_UL * dt_s
        self.down_pa += (moved - outflow) / DOWN_COMPLIANCE_UL_PA
        self.patient_ul += outflow
        self.flow_ul_s = outflow / dt_s
        if self._air:
            self._move_air(moved)

    def _move_air(self, moved: float) -> None:
        present = False
        for bubble in self._air:
            bubble[0] -= moved
            if bubble[0] <= 0.0 < bubble[0] + bubble[1]:
                present = True
        self._air = [b for b in self._air if b[0] + b[1] > 0.0]
        self.air_present = present
