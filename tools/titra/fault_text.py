"""Faults as they are written on the command line: ``NAME[=VALUE]@TIME[+DURATION]``."""

from __future__ import annotations

import click

from host_sim.faults import FaultSpec, UnknownFault, check
from titra.durations import parse_duration


def parse_fault(text: str) -> FaultSpec:
    """One fault.  Raises ``click.BadParameter`` saying what is wrong with it."""
    name, at, when = text.partition("@")
    name, equals, value_text = name.partition("=")
    if not at:
        raise _bad(f"{text!r}: expected NAME@TIME, such as door-open@45m")
    value = None
    if equals:
        try:
            value = int(value_text)
        except ValueError:
            raise _bad(f"{text!r}: {value_text!r} is not a whole number") from None
    time_text, plus, duration_text = when.partition("+")
    try:
        at_ms = parse_duration(time_text)
        duration_ms = parse_duration(duration_text) if plus else 0
    except ValueError as error:
        raise _bad(f"{text!r}: {error}") from None
    spec = FaultSpec(name, at_ms, duration_ms, value)
    try:
        check(spec)
    except UnknownFault as error:
        raise _bad(str(error)) from None
    return spec


def parse_faults(texts: tuple[str, ...]) -> tuple[FaultSpec, ...]:
    """Every fault of a command line, in its order."""
    return tuple(parse_fault(text) for text in texts)


def _bad(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="--fault")
