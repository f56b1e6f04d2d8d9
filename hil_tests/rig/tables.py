"""Rows for the tables of docs/hil.md."""

from __future__ import annotations

from collections.abc import Iterator

from hil_tests.bench import channels

# Pins of the Pico's header by GPIO; the others are ground, supply and RUN.
HEADER = {
    0: 1, 1: 2, 2: 4, 3: 5, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12, 10: 14, 11: 15, 12: 16, 13: 17,
    14: 19, 15: 20,
    16: 21, 17: 22, 18: 24, 19: 25, 20: 26, 21: 27, 22: 29, 26: 31, 27: 32, 28: 34,
}  # fmt: skip
RUN_PIN = 30
_WAYS = {
    channels.SENSED: "rig sees",
    channels.DRIVEN: "rig drives",
    channels.ANALOG: "rig drives, PWM",
}


def pin_rows() -> Iterator[tuple[str, ...]]:
    """(rig's pin, its GPIO, name, way, pump's pin, its GPIO, at rest, what)"""
    for c in channels.CHANNELS:
        if c.dut == channels.RUN:
            pump = (str(RUN_PIN), "RUN")
        else:
            pump = (str(HEADER[c.dut]), f"GP{c.dut}")
        rest = f"{c.rest / 1e6:.3f} V" if c.kind == channels.ANALOG else str(c.rest)
        yield (
            str(HEADER[c.gpio]), f"GP{c.gpio}", f"`{c.name}`", _WAYS[c.kind], *pump, rest, c.why
        )  # fmt: skip


def mutant_rows(results: dict[str, str]) -> Iterator[tuple[str, ...]]:
    """(name, what is broken, the test that turned red, what it said)"""
    from hil_tests.mutants.table import MUTANTS

    for mutant in MUTANTS:
        test = mutant.red.partition("::")[2].partition("[")[0]
        said = results.get(mutant.name, "not run").replace("|", "/")
        yield f"`{mutant.name}`", mutant.what, f"`{test}`", said
