"""Tables in ``docs/`` made from the tables in the code.

``python -m titra.docgen`` rewrites what stands between the marks
``<!-- generated: NAME -->`` and ``<!-- end generated -->``; with ``--check`` it
only says whether anything would change (exit code 1).  Both refuse a register of requirements
that does not hold, see ``traceability``.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from host_sim.client import Program, frame, response
from host_sim.faults import FAULTS
from host_sim.simulation import RunSpec, Simulation
from host_sim.simulator_key import SIMULATOR_KEY
from pump.core import alarm_conditions as ac
from pump.core import (
    checkpoint,
    event_log,
    limits,
    reasons,
    roles,
    self_test_items,
    storage_layout,
    units,
)
from pump.core import infusion_state as st
from pump.protocol import authentication as auth
from pump.protocol import messages
from pump.protocol.framing import Crc16
from titra import (
    chip_limits,
    chip_tables,
    doc_examples,
    hil_tables,
    sweep_tables,
    trace_tables,
    traceability,
    wiring,
)
from titra.drawings import DRAWINGS
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
    messages.ACCESS: "access",
    messages.CARE: "care",
}
# A log-in worked out: that of the first simulated board.
EXAMPLE_SERIAL = "E661541A00000000"
EXAMPLE_NONCE = bytes.fromhex("000102030405060708090A0B0C0D0E0F")
EXAMPLE_ROLE = "OPERATOR"


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _argument(name: str, least: int, most: int, unit: str) -> str:
    if most == messages.HEX:
        return f"{name} {least} hex digits"
    return f"{name} {least}-{most}{' ' + unit if unit else ''}"


def _verbs() -> str:
    rows = []
    for verb, kind, role, _event, arguments, text in messages.MESSAGES:
        shown = ", ".join(_argument(*argument) for argument in arguments)
        rows.append((f"`{verb.decode()}`", _KINDS[kind], _role(role), shown or "-", text))
    return _table(("verb", "kind", "role", "arguments, in order", "what it does"), rows)


def _role(role: int) -> str:
    return roles.ROLE_NAMES[role].lower()


def _roles() -> str:
    rows = []
    for role, name in enumerate(roles.ROLE_NAMES):
        verbs = [
            f"`{row[messages.COL_VERB].decode()}`"
            for row in messages.MESSAGES
            if row[messages.COL_ROLE] == role and row[messages.COL_KIND] != messages.NOTICE
        ]
        rows.append((role, f"`{name}`", ", ".join(verbs) or "as an operator; see below"))
    return _table(("number", "role", "verbs, beside those of the roles above"), rows)


def _log_in_figures() -> str:
    return _table(
        ("figure", "value"),
        (
            ("a nonce is valid for", f"{auth.NONCE_VALID_MS // 1000} s and one attempt"),
            ("a role ends without an executed frame after", f"{auth.ROLE_TIMEOUT_MS // 1000} s"),
            ("wrong answers in a row for a role, then a lock", auth.FAILURES_MAX),
            ("first lock; each further one twice as long", f"{auth.LOCK_MS // 1000} s"),
            ("longest lock", f"{auth.LOCK_MAX_MS // 1000} s"),
            ("challenges while an infusion is under way", auth.ATTEMPTS_MAX),
            ("device key of the simulator, as text", f"`{SIMULATOR_KEY.decode()}`"),
            ("device key of the simulator", f"`{SIMULATOR_KEY.hex()}`"),
        ),
    )


def _log_in() -> str:
    """One log-in with every number on the way, by the standard library."""
    number = roles.ROLE_NAMES.index(EXAMPLE_ROLE)
    name = EXAMPLE_ROLE.encode("ascii")
    role_key = hmac.new(SIMULATOR_KEY, name, hashlib.sha256).digest()
    message = EXAMPLE_NONCE + EXAMPLE_SERIAL.encode("ascii") + name
    whole = hmac.new(role_key, message, hashlib.sha256).digest()
    answer = response(SIMULATOR_KEY, EXAMPLE_NONCE, EXAMPLE_SERIAL, EXAMPLE_ROLE)
    assert whole.startswith(answer)

    def line(body: str) -> str:
        return frame(body).decode().rstrip("\n")

    text = [
        f"> {line(f'1 CHALLENGE {number}')}",
        f"< {line(f'1 OK CHALLENGE,{EXAMPLE_NONCE.hex().upper()}')}",
        "",
        f"device key   {SIMULATOR_KEY.hex()}",
        f"role key     {role_key.hex()}",
        f"             = HMAC-SHA256(device key, {EXAMPLE_ROLE!r})",
        f"message      {message.hex()}",
        f"             = nonce, then {EXAMPLE_SERIAL + EXAMPLE_ROLE!r}",
        f"HMAC         {whole.hex()}",
        "             = HMAC-SHA256(role key, message); its first 16 bytes are the response",
        "",
        f"> {line(f'2 LOGIN {number} {answer.hex().upper()}')}",
        f"< {line(f'2 OK LOGIN,{EXAMPLE_ROLE}')}",
    ]
    return "```\n" + "\n".join(text) + "\n```\n"


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
        ((f"`{fault.usage()}`", fault.explanation()) for fault in FAULTS),
    )


def _self_test() -> str:
    return _table(
        ("bit", "item", "passes when", "fails when"),
        (
            (str(bit), f"`{name.decode()}`", shows, fails)
            for bit, (name, (shows, fails)) in enumerate(
                zip(self_test_items.ITEM_NAMES, self_test_items.ITEM_TEXTS, strict=True)
            )
        ),
    )


def _fram() -> str:
    layout = storage_layout
    blocks = (
        (layout.CHECKPOINT_0, checkpoint.CHECKPOINT_BYTES, "checkpoint, first copy"),
        (layout.CHECKPOINT_1, checkpoint.CHECKPOINT_BYTES, "checkpoint, second copy"),
        (layout.PRESCRIPTION_0, checkpoint.PRESCRIPTION_BYTES, "prescription, first copy"),
        (layout.PRESCRIPTION_1, checkpoint.PRESCRIPTION_BYTES, "prescription, second copy"),
        (
            layout.LOG_BASE,
            layout.LOG_SLOTS * event_log.RECORD_BYTES,
            f"event log: {layout.LOG_SLOTS} records of {event_log.RECORD_BYTES} bytes",
        ),
    )
    return _table(
        ("from", "to", "bytes", "what"),
        ((f"0x{at:04X}", f"0x{at + n - 1:04X}", n, what) for at, n, what in blocks),
    )


def _bytes_of(documented: object) -> str:
    """The table of offsets in the docstring of a record."""
    rows: list[list[str]] = []
    inside = 0
    for line in (documented.__doc__ or "").splitlines():
        words = line.split(maxsplit=2)
        if words and not line.strip().strip("= "):
            inside += 1
        elif inside == 2 and len(words) == 3 and words[0].isdigit():
            rows.append(words)
        elif inside == 2 and words:
            rows[-1][2] += " " + line.strip()
    return _table(("offset", "bytes", "what"), rows).replace("``", "`")


def _log_kinds() -> str:
    return _table(
        ("kind", "record", "room", "code", "a", "b"),
        (
            (number, f"`{name}`", "urgent" if urgent else "common", code, a, b)
            for number, (name, urgent, code, a, b) in enumerate(event_log.LOG_KINDS)
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
    "roles": _roles,
    "log-in-figures": _log_in_figures,
    "log-in": _log_in,
    "replies": _replies,
    "pushed": _pushed,
    "reasons": _reasons,
    "figures": _figures,
    "states": _states,
    "transitions": _transitions,
    "alarms": _alarms,
    "faults": _faults,
    "self-test": _self_test,
    "session": _session,
    "fram": _fram,
    "log-record": lambda: _bytes_of(event_log),
    "checkpoint-record": lambda: _bytes_of(checkpoint.Checkpoint),
    "prescription-record": lambda: _bytes_of(checkpoint.StoredPrescription),
    "log-kinds": _log_kinds,
    "library": markdown_table,
    **doc_examples.GENERATORS,
    **chip_limits.GENERATORS,
    **chip_tables.GENERATORS,
    "wiring-pins": lambda: _table(
        ("pin", "GPIO", "name", "part", "resistor", "in reset, or wire broken", "why"),
        wiring.pin_rows(),
    ),
    "bench-jumpers": lambda: _table(
        ("jumper", "from", "to", "what it says", "pulled while it delivers"), wiring.jumper_rows()
    ),
    **trace_tables.GENERATORS,
    **hil_tables.GENERATORS,
    **sweep_tables.GENERATORS,
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
    pages = {path: regenerate(path.read_text(encoding="utf-8")) for path in DOCS.rglob("*.md")}
    pages |= {DOCS / "images" / name: draw() for name, draw in DRAWINGS.items()}
    for path, fresh in sorted(pages.items()):
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if fresh == text:
            continue
        if "--check" in arguments:
            stale.append(path)
        else:
            write_whole(path, fresh)
            print(f"wrote {path.relative_to(DOCS.parent)}")
    for path in stale:
        print(f"{path.relative_to(DOCS.parent)}: not what the code says; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
