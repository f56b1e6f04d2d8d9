"""The fluid line: bag, drip chamber, inlet, pump mechanism, tubing, vein.

Two compliant volumes joined by the mechanism, integrated explicitly every
10 ms.  Only + - * / on floats, so a run is the same on every machine.

Figures are this project's own choices for a gravity-fed IV set on a
peristaltic mechanism, inside of what the sources describe: they set how fast
a pressure rises, not what the firmware may do.
"""

from __future__ import annotations

import random

from host_sim.plant.drip_chamber import DripChamber
from pump.core import units

STEP_UL = 1000 / units.STEPS_PER_ML
# Downstream tubing: 1.5 uL/kPa (0.5 for a short stiff set, 5 for a long soft
# one); resistance of set and catheter 100 Pa per uL/s, which is 33 kPa at
# 1200 mL/h.  Time constant 0.15 s.  Explicit steps of 10 ms need resistance x
# compliance above 0.01 s.
DOWN_COMPLIANCE_UL_PA = 0.0015
DOWN_RESISTANCE_PA_S_UL = 100.0
VEIN_PA = 1500.0
# Inlet: a bag 60 cm above the pump gives 6 kPa; 10 Pa per uL/s; 20 ms.
BAG_HEAD_PA = 6000.0
UP_COMPLIANCE_UL_PA = 0.002
UP_RESISTANCE_PA_S_UL = 10.0
# The open tubing where the mechanism had pressed it.
FREE_RESISTANCE_PA_S_UL = 20.0
# No pressure falls below this: the fluid would boil first.
VACUUM_PA = -80_000.0
# Drip chamber and tube between the bag's spike and the air detector.  Once the
# bag is empty, the head falls to nothing over the first part of it.
COLUMN_UL = 5000.0
COLUMN_HEAD_UL = 3000.0
# A bubble that enters "just before" the detector is this far away.
AIR_AHEAD_UL = 20.0
# A roller passes every 160 steps; the flow swings by this around its mean.
CYCLE_STEPS = 160
CYCLE_AMPLITUDE = 0.03
# Of every so many steps a motor that misses steps loses one.
MISSED_ONE_IN = 10


class Line:
    """The plant.  ``step`` is called for every 10 ms and does nothing else.

    What somebody may set: ``down_occluded``, ``up_occluded``, ``free_flow``;
    of the motor ``stalled``, ``misses_steps``, ``is_reversed``; ``encoder_dead``;
    ``down_compliance_ul_pa``, ``down_resistance_pa_s_ul``, ``vein_pa``,
    ``bag_head_pa``.

    ``motor_steps``    position of the motor in steps, forward counts up
    ``encoder_edges``  rising edges of the encoder's first channel, either way
    ``reverse_edges``  those of them with the second channel high: backwards
    ``encoder_b``      level of the second channel at those edges
    """

    def __init__(self, seed: int, bag_ul: float):
        rng = random.Random(seed)
        self.gain = 1.0 + (rng.random() - 0.5) * 0.02  # mechanism within 1 %
        self.chamber = DripChamber(rng.random(), bag_ul)
        self._next_drop_ul = self.chamber.next_at_ul
        self.bag_ul = bag_ul
        self.column_ul = COLUMN_UL
        self.bag_head_pa = BAG_HEAD_PA
        self.vein_pa = VEIN_PA
        self.down_compliance_ul_pa = DOWN_COMPLIANCE_UL_PA
        self.down_resistance_pa_s_ul = DOWN_RESISTANCE_PA_S_UL
        self.down_pa = VEIN_PA
        self.up_pa = BAG_HEAD_PA
        self.patient_ul = 0.0
        self.flow_ul_s = 0.0  # into the vein
        self.motor_steps = 0
        self.encoder_edges = 0
        self.reverse_edges = 0
        self.encoder_b = 0
        self.air_present = False
        self._air: list[list[float]] = []  # [uL until the detector, uL long]
        self.down_occluded = False
        self.up_occluded = False
        self.stalled = False
        self.misses_steps = False
        self._to_miss = 0  # steps since the last one that was lost
        self.is_reversed = False
        self.encoder_dead = False
        self.free_flow = False
        self._phase = 0
        self.set_gain(self.gain)

    def set_gain(self, gain: float) -> None:
        """A step moves ``gain`` times the nominal volume: another set, or tube."""
        self.gain = gain
        cycle = []
        for i in range(CYCLE_STEPS):
            # A triangle around 1: same mean, no library functions.
            x = 4 * i / CYCLE_STEPS
            wave = x - 1 if x < 2 else 3 - x
            cycle.append(STEP_UL * gain * (1 + CYCLE_AMPLITUDE * wave))
        # Sums, so that a tick costs one subtraction however many steps it had.
        self._travel = [0.0]
        for _turn in range(2):
            for volume in cycle:
                self._travel.append(self._travel[-1] + volume)

    # --- what somebody does to it ---------------------------------------------------

    def add_air(self, volume_ul: float, ahead_ul: float = AIR_AHEAD_UL) -> None:
        """A bubble of ``volume_ul`` is ``ahead_ul`` of fluid before the air detector."""
        self._air.append([ahead_ul, volume_ul])

    def air_ends_ul(self) -> float:
        """Fluid and air between the detector and the end of the last bubble."""
        return max((ahead + length for ahead, length in self._air), default=0.0)

    def clear_air(self, all_of_it: bool = True) -> None:
        """The line is primed; or only what has not reached the detector is taken out."""
        self._air = [] if all_of_it else [b for b in self._air if b[0] <= 0.0]
        self.air_present = self.air_present and bool(self._air)

    def new_bag(self, bag_ul: float) -> None:
        """A full bag is spiked and the line primed to the detector."""
        self.bag_ul = bag_ul
        self.column_ul = COLUMN_UL
        self.chamber.new_bag(bag_ul)
        self._next_drop_ul = self.chamber.next_at_ul
        self.clear_air()

    # --- 10 ms -----------------------------------------------------------------------

    def step(self, dt_s: float, steps: int) -> None:
        """Let ``dt_s`` pass while the motor is given ``steps`` steps, backwards if
        below 0."""
        moved = 0.0
        if steps:
            if self.stalled:
                steps = 0
            elif self.misses_steps or self.is_reversed:
                steps = self._disturbed(steps)
            if 0 < steps <= CYCLE_STEPS:
                position = self.motor_steps + steps
                if not self.encoder_dead:
                    self.encoder_edges += (position >> 2) - (self.motor_steps >> 2)
                    self.encoder_b = 0
                self.motor_steps = position
                phase = self._phase
                moved = self._travel[phase + steps] - self._travel[phase]
                self._phase = (phase + steps) % CYCLE_STEPS
            elif steps:
                moved = self._turn(steps)
        if self.free_flow:
            # The tubing is out of the mechanism, which turns for nothing: the
            # bag's head alone drives the line.
            moved = (self.up_pa - self.down_pa) * dt_s / FREE_RESISTANCE_PA_S_UL
        up_pa = self.up_pa
        if self.up_occluded:
            inflow = 0.0
        elif self.bag_ul > 0.0:
            inflow = (self.bag_head_pa - up_pa) / UP_RESISTANCE_PA_S_UL * dt_s
            bag_ul = self.bag_ul - inflow
            self.bag_ul = bag_ul
            if bag_ul <= self._next_drop_ul:
                self.chamber.let_fall(bag_ul)
                self._next_drop_ul = self.chamber.next_at_ul
            if bag_ul <= 0.0:
                self._air.append([COLUMN_UL, 1e9])
        else:
            inflow = self._drain(up_pa, dt_s)
        up_pa += (inflow - moved) / UP_COMPLIANCE_UL_PA
        if up_pa < VACUUM_PA:
            moved -= (VACUUM_PA - up_pa) * UP_COMPLIANCE_UL_PA
            up_pa = VACUUM_PA
        self.up_pa = up_pa
        if self.down_occluded:
            outflow = 0.0
        else:
            outflow = (self.down_pa - self.vein_pa) / self.down_resistance_pa_s_ul * dt_s
        down_pa = self.down_pa + (moved - outflow) / self.down_compliance_ul_pa
        self.down_pa = down_pa if down_pa > VACUUM_PA else VACUUM_PA
        self.patient_ul += outflow
        self.flow_ul_s = outflow / dt_s
        if self._air:
            self._move_air(moved)

    def _disturbed(self, steps: int) -> int:
        if self.misses_steps:
            self._to_miss += abs(steps)
            lost = self._to_miss // MISSED_ONE_IN
            self._to_miss %= MISSED_ONE_IN
            steps += -lost if steps > 0 else lost
        return -steps if self.is_reversed else steps

    def _turn(self, steps: int) -> float:
        """Turn by any number of steps either way; the volume that moved."""
        before = self.motor_steps
        position = before + steps
        self.motor_steps = position
        if not self.encoder_dead:
            # Channel A is high in the first two of four steps, B in the middle
            # two: A rises at 4k going forward and at 4k + 1 coming back.
            if steps > 0:
                self.encoder_edges += (position >> 2) - (before >> 2)
                self.encoder_b = 0
            else:
                edges = (before - 2 >> 2) - (position - 2 >> 2)
                self.encoder_edges += edges
                self.reverse_edges += edges
                self.encoder_b = 1
        turns, phase = divmod(self._phase + steps, CYCLE_STEPS)
        volume = turns * self._travel[CYCLE_STEPS]
        volume += self._travel[phase] - self._travel[self._phase]
        self._phase = phase
        return volume

    def _drain(self, up_pa: float, dt_s: float) -> float:
        """What comes out of the column below an empty bag."""
        left_ul = self.column_ul - (COLUMN_UL - COLUMN_HEAD_UL)
        head_pa = self.bag_head_pa * left_ul / COLUMN_HEAD_UL if left_ul > 0.0 else 0.0
        inflow = (head_pa - up_pa) / UP_RESISTANCE_PA_S_UL * dt_s
        self.column_ul -= inflow
        if self.column_ul < 0.0:
            self.column_ul = 0.0
        return inflow

    def _move_air(self, moved: float) -> None:
        present = False
        for bubble in self._air:
            bubble[0] -= moved
            if bubble[0] <= 0.0 < bubble[0] + bubble[1]:
                present = True
        self._air = [b for b in self._air if b[0] + b[1] > 0.0]
        self.air_present = present
