"""A run at one rate on the simulated board, and what reached the patient.

The firmware runs as it is, programmed and started over its serial line; only the fluid is
simulated.  So the curves show the firmware's ramp and its evenness on a plant with a
periodic mechanism, a compliant line and a gain of its own; they say nothing of real tubing.
"""

from __future__ import annotations

from collections.abc import Callable

from host_sim.board import Board
from host_sim.client import Client, Program, Refused
from host_sim.links import LinkError, VirtualLink
from pump.core import limits

_CONCENTRATION_MG_ML = limits.CONCENTRATION_MIN_MG_ML
_DELIVERING = ("INFUSING", "RUNG_HELD")
# Longest silence of the client: a question is answered within it.
_PATIENCE_S = 5.0
_OVERFILL_UL = 30_000
# More than the run takes, so that it does not end before its time.
_SPARE_UL = 1000


class PlantRunError(Exception):
    """The simulated pump did not run as asked; the message says what happened."""


def highest_rate_ul_h(minutes: int) -> int:
    """The rate at which a whole prescription lasts for ``minutes``."""
    return (limits.VTBI_MAX_UL - _SPARE_UL) * 60 // minutes


def program_for(rate_ul_h: int, minutes: int) -> Program:
    """A prescription of one rung that lasts longer than ``minutes``.  Raises
    ``PlantRunError``."""
    low, high = limits.RATE_MIN_UL_H, highest_rate_ul_h(minutes)
    if not low <= rate_ul_h <= high:
        raise PlantRunError(
            f"rate: {rate_ul_h / 1000:g} mL/h, expected {low / 1000:g} to {high / 1000:g} for "
            f"{minutes} min: {limits.VTBI_MAX_UL // 1000} mL at most are infused at once"
        )
    vtbi_ul = (rate_ul_h * minutes // 60_000 + 1) * 1000 + _SPARE_UL
    vtbi_ul = min(vtbi_ul, limits.VTBI_MAX_UL)
    return Program(
        vtbi_ul=vtbi_ul,
        dose_mg=vtbi_ul * _CONCENTRATION_MG_ML // 1000,
        concentration_mg_ml=_CONCENTRATION_MG_ML,
        weight_g=limits.WEIGHT_MAX_G,
        cap_ul_h=rate_ul_h,
        rungs=((rate_ul_h, limits.DWELL_MIN_MS // 1000),),
    )


def deliver(
    rate_ul_h: int,
    minutes: int,
    sample_s: float,
    seed: int = 0,
    progress: Callable[[int], None] = lambda done_s: None,
) -> list[tuple[float, float]]:
    """(s since START, mL that left the line into the patient) every ``sample_s``.

    Raises ``PlantRunError`` if the pump refuses, or stops before the end.
    """
    program = program_for(rate_ul_h, minutes)
    board = Board(seed, float(program.vtbi_ul + _OVERFILL_UL))
    client = Client(VirtualLink(board))
    board.run_self_test()
    try:
        client.hello()
        client.load(program)
        client.request("START")
        samples = _listen(board, client, minutes * 60, sample_s, progress)
        state = client.status()["state"]
    except (Refused, LinkError) as error:
        raise PlantRunError(f"the simulated pump: {error}") from None
    if state not in _DELIVERING:
        raise PlantRunError(f"the simulated pump was {state} before {minutes} min were over")
    return samples


def _listen(
    board: Board,
    client: Client,
    end_s: int,
    sample_s: float,
    progress: Callable[[int], None],
) -> list[tuple[float, float]]:
    """Let the time pass, answering what is asked; the samples."""
    samples: list[tuple[float, float]] = []
    start_us = board.now_us

    def take() -> None:
        t_s = (board.now_us - start_us) / 1_000_000
        samples.append((t_s, board.line.patient_ul / 1000))

    for index in range(int(end_s / sample_s) + 1):
        board.at(start_us + round(index * sample_s * 1_000_000), take)
    end_us = start_us + end_s * 1_000_000
    # A tick more, so that what is due at the end has happened.
    while board.now_us <= end_us:
        left_s = (end_us - board.now_us) / 1_000_000 + 0.01
        client.receive(min(_PATIENCE_S, left_s))
        while client.pushed:
            pushed = client.pushed.popleft()
            if pushed.mark == "!Q":
                client.request("CONFIRM", int(pushed.fields["question"]))
            elif pushed.mark == "!A" and pushed.fields["change"] == "RAISED":
                raise PlantRunError(f"the simulated pump raised {pushed.fields['condition']}")
        progress(int((board.now_us - start_us) / 1_000_000))
    return samples
