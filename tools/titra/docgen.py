"""Tables in ``docs/`` made from the tables in the code.

``python -m titra.docgen`` rewrites what stands between the marks
``<!-- generated: NAME -->`` and ``<!-- end generated -->``; with ``--check`` it
only says whether anything would change (exit code 1).  Both refuse a register of requirements
that does not hold, see ``traceability``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from host_sim.client import Program
from host_sim.faults import FAULTS
from host_sim.simulation import RunSpec, Simulation
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from pump.core import limits, reasons, units
from pump.protocol import messages
from pump.protocol.framing import Crc16
from titra import trace_tables, traceability
from titra.files import write_whole
from titra.library.document import markdown_table

DOCS = Path(__file__).resolve().parents[2] / "docs"
_MARKED = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end generated -->)", re.DOTALL)

_KINDS = {
    messages.QUERY: "query",
    messages.LINK: "link",
    messages.STAGE: "stage",
    messages.EVENT: "event",
    messages.STOP: "stop",
    messages.NOTICE: "notice",
}


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _verbs() -> str:
    rows = []
    for verb, kind, _event, arguments, text in messages.MESSAGES:
        shown = ", ".join(
            f"{name} {least}-{most}{' ' + unit if unit else ''}"
            for name, least, most, unit in arguments
        )
        rows.append((f"`{verb.decode()}`", _KINDS[kind], shown or "-", text))
    return _table(("verb", "kind", "arguments, in order", "what it does"), rows)


def _replies() -> str:
    return _table(
        ("to", "fields, separated by commas"),
        ((f"`{verb.decode()}`", ", ".join(names)) for verb, names in messages.REPLIES),
    )


def _pushed() -> str:
    return _table(
        ("mark", "when", "fields, separated by commas"),
        ((f"`{mark.decode()}`", when, ", ".join(names)) for mark, names, when in messages.PUSHED),
    )


def _reasons() -> str:
    return _table(
        ("code", "text"), ((f"`{name}`", text) for name, text in reasons.REASONS if name != "OK")
    )


def _figures() -> str:
    table = messages.table_checksum(Crc16())
    return _table(
        ("figure", "value"),
        (
            ("protocol version", messages.PROTOCOL_VERSION),
            ("checksum of the message table", table),
            ("bytes in a line, without its line feed", messages.LINE_MAX),
            ("motor steps per mL", units.STEPS_PER_ML),
            ("volume of a step", f"{1000 / units.STEPS_PER_ML} uL"),
        ),
    )


def _states() -> str:
    rows = []
    for number, name in enumerate(st.STATE_NAMES):
        bit = 1 << number
        motor = (
            "steps" if bit & st.DELIVERING_STATES else "zero" if bit & st.ENABLED_STATES else "off"
        )
        rows.append((f"`{name}`", motor, "yes" if bit & st.SESSION_STATES else "no"))
    return _table(("state", "motor", "session open"), rows)


def _transitions() -> str:
    events = range(1, st.N_EVENTS)
    rows = []
    for state in range(st.N_STATES):
        cells = {event: target for s, event, target in st.TRANSITIONS if s == state}
        rows.append(
            [f"`{st.STATE_NAMES[state]}`"]
            + [
                ", ".join(
                    sorted(
                        f"{st.EVENT_NAMES[event]} -> {st.STATE_NAMES[cells[event]]}"
                        if cells[event] != state
                        else st.EVENT_NAMES[event]
                        for event in events
                        if event in cells
                    )
                )
            ]
        )
    return _table(("in state", "these events are legal"), rows)


def _alarms() -> str:
    rows = [
        (
            row[0],
            f"`{row[ac.COL_NAME]}`",
            ac.PRIORITY_NAMES[row[ac.COL_PRIORITY]],
            ac.RESPONSE_NAMES[row[ac.COL_RESPONSE]],
            "yes" if row[ac.COL_LATCHING] else "no",
            f"{row[ac.COL_DELAY]} ms",
            row[ac.COL_REQUIREMENT],
            row[ac.COL_TEXT],
        )
        for row in ac.ALARM_CONDITIONS
    ]
    return _table(
        ("bit", "condition", "priority", "pump", "latches", "delay", "limit", "text"), rows
    )


def _faults() -> str:
    return _table(
        ("fault", "what happens"),
        (
            (f"`{fault.name}{'=' + fault.value_unit if fault.value_unit else ''}`", fault.text)
            for fault in FAULTS
        ),
    )


def _session() -> str:
    """A whole infusion of 1 mL over its only rung, as it passed on the line."""
    program = Program(
        vtbi_ul=1000,
        dose_mg=100,
        concentration_mg_ml=100,
        weight_g=70_000,
        cap_ul_h=70_000,
        rungs=((35_000, limits.DWELL_MIN_MS // 1000),),
    )
    simulation = Simulation(RunSpec(program))
    lines = []
    telemetry = 0

    def host(data: bytes) -> None:
        lines.extend(f"> {line}" for line in data.decode().split("\n") if line)

    partial = b""

    def pump(data: bytes) -> None:
        nonlocal telemetry, partial
        *whole, partial = (partial + data).split(b"\n")
        for line in whole:
            telemetry += line.startswith(b"!T")
            if not line.startswith(b"!T") or telemetry <= 3:
                lines.append(f"< {line.decode()}")
            elif telemetry == 4:
                lines.append("  ... a line of telemetry every second ...")

    simulation.link.on_write = host
    simulation.link.on_read = pump
    simulation.run()
    return "```\n" + "\n".join(lines) + "\n```\n"


GENERATORS: dict[str, Callable[[], str]] = {
    "verbs": _verbs,
    "replies": _replies,
    "pushed": _pushed,
    "reasons": _reasons,
    "figures": _figures,
    "states": _states,
    "transitions": _transitions,
    "alarms": _alarms,
    "faults": _faults,
    "session": _session,
    "library": markdown_table,
    **trace_tables.GENERATORS,
}


def regenerate(text: str) -> str:
    """``text`` with everything between marks made anew.  Raises ``KeyError`` on an
    unknown name."""

    def fill(match: re.Match) -> str:
        body = GENERATORS[match.group(2)]().strip("\n")
        return f"{match.group(1)}{body}\n{match.group(3)}"

    return _MARKED.sub(fill, text)


def main(arguments: list[str]) -> int:
    """Rewrite, or with ``--check`` compare; the exit code."""
    if traceability.main([]):
        return 1
    stale = []
    for path in sorted(DOCS.rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        fresh = regenerate(text)
        if fresh == text:
            continue
        if "--check" in arguments:
            stale.append(path)
        else:
            write_whole(path, fresh)
            print(f"wrote {path.relative_to(DOCS.parent)}")
    for path in stale:
        print(f"{path.relative_to(DOCS.parent)}: tables are not the code's; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
