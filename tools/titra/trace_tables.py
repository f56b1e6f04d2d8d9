"""The register as tables for ``docs/``: limits, requirements, hazards, mechanisms, matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from titra.evidence import Claim
from titra.register import (
    PLANNED,
    QUESTIONS,
    VERIFIED,
    Mechanism,
    Register,
    Requirement,
    read_documents,
    register_of,
)
from titra.traceability import Evidence, collect


@cache
def _read() -> tuple[Register, Evidence]:
    return register_of(read_documents()), collect()


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _rows(kind: str) -> list[Requirement]:
    register, _ = _read()
    rows = [row for row in register.requirements.values() if row.kind == kind]
    return sorted(rows, key=lambda row: int(row.id[1:]))


def _state(row: Requirement) -> str:
    return row.status if row.status == VERIFIED else f"{row.status}: {_missing(row)}"


def _missing(row: Requirement) -> str:
    return row.missing or "its test in `tests/faults`"


def _code(row: Requirement | Mechanism) -> str:
    """What the row names, shortened to what a reader looks for."""
    if not row.code:
        return f"planned in {row.room}"
    return ", ".join(f"`{_short(name)}`" for name in dict.fromkeys(map(_file, row.code)))


def _file(reference: str) -> str:
    return reference.partition("::")[0]


def _short(path: str) -> str:
    for prefix in ("firmware/pump/", "pump/", "tools/titra/"):
        if path.startswith(prefix):
            return path.removeprefix(prefix)
    return path


def _tests(claims: list[Claim]) -> str:
    paths = sorted({claim.path for claim in claims})
    return ", ".join(f"`{path.partition('/')[2]}`" for path in paths)


# --- one table each ----------------------------------------------------------------------


def limits() -> str:
    return _table(
        ("id", "limit", "value", "where", "state"),
        ((row.id, row.title, row.limit, _code(row), _state(row)) for row in _rows("L")),
    )


def promises() -> str:
    """The limits as text, with their sources."""
    return _table(
        ("id", "what it promises", "source"),
        ((row.id, row.text, row.source) for row in _rows("L")),
    )


def mission() -> str:
    return _table(
        ("id", "requirement", "figures", "why", "state"),
        (
            (row.id, f"**{row.title}**: {row.text}", row.limit, row.source, _state(row))
            for row in _rows("M")
        ),
    )


def faults_injected() -> str:
    return _table(
        ("id", "what is injected", "safe result", "limit", "where a test looks", "source"),
        (
            (
                row.id,
                f"**{row.title}**: {row.text}",
                row.expected,
                row.limit,
                row.asserted_at,
                row.source,
            )
            for row in _rows("F")
        ),
    )


def hazards() -> str:
    register, _ = _read()

    def control(name: str) -> str:
        status = register.requirements[name].status
        return name if status == VERIFIED else f"{name} ({status})"

    return _table(
        ("id", "harm", "severity", "causes", "controlled by", "what is left"),
        (
            (
                hazard.id,
                hazard.harm,
                hazard.severity,
                hazard.causes,
                ", ".join(map(control, hazard.controls)),
                hazard.residual,
            )
            for hazard in register.hazards.values()
        ),
    )


def mechanisms() -> str:
    """A short table for each mechanism."""
    register, _ = _read()
    parts = []
    for mechanism in register.mechanisms.values():
        named = [row.id for row in register.requirements.values() if mechanism.id in row.mechanisms]
        rows = []
        for key, question in QUESTIONS.items():
            answer = getattr(mechanism, key)
            if answer:
                by = ", ".join(_by(name, register) for name in answer.by)
                rows.append((question, answer.then, by))
        parts.append(
            f"### {mechanism.id}: {mechanism.name}\n\n"
            f"{mechanism.status.capitalize()}, for {', '.join(named)}. It {mechanism.does}. "
            f"Code: {_code(mechanism)}.\n\n"
            + _table(("asked", "what happens then", "answered by"), rows)
        )
    return "\n".join(parts)


def _by(name: str, register: Register) -> str:
    mechanism = register.mechanisms.get(name)
    if mechanism:
        return name + (" (planned)" if mechanism.status == PLANNED else "")
    requirement = register.requirements.get(name)
    if requirement:
        return name + (" (planned)" if requirement.status == PLANNED else "")
    path, _, test = name.partition("::")
    return f"`{test or path.partition('/')[2]}`"


# --- the matrix ----------------------------------------------------------------------------


def _matrix(kind: str) -> str:
    register, evidence = _read()
    answers = "answered by" if kind == "F" else "mechanisms"
    rows = []
    for row in _rows(kind):
        claims = evidence.tests(row.id)
        by = row.answered_by or row.mechanisms
        rows.append(
            (
                f"**{row.id}** {row.title}",
                row.status,
                ", ".join(row.hazards),
                ", ".join(by),
                _all_code(row, register, evidence),
                _tests(claims) if claims else "planned",
                _hil(row, evidence),
            )
        )
    hazards = "can cause" if kind == "F" else "hazards"
    return _table(("id", "status", hazards, answers, "code", "tests", "HIL test"), rows)


def _all_code(row: Requirement, register: Register, evidence: Evidence) -> str:
    """Of a fault, the code of what answers it; of the others what the row names first, then
    what of the firmware names the row."""
    rows = [register.requirements[name] for name in row.answered_by] or [row]
    files = [_file(name) for each in rows for name in each.code]
    if not files:
        return "planned" if row.kind == "F" else f"planned in {row.room}"
    files += sorted(evidence.cited.get(row.id, ()))
    return ", ".join(f"`{name}`" for name in dict.fromkeys(map(_short, files)))


def _hil(row: Requirement, evidence: Evidence) -> str:
    claims = evidence.hil_tests(row.id)
    if claims:
        return _tests(claims)
    if row.hil:
        return row.hil
    if not evidence.hil:
        return "not yet"
    return "planned" if row.status == PLANNED else "tests on the host alone"


def matrix_mission() -> str:
    return _matrix("M")


def matrix_limits() -> str:
    return _matrix("L")


def matrix_faults() -> str:
    return _matrix("F")


def matrix_summary() -> str:
    """How many rows are how far."""
    names = {"M": "mission", "L": "limits", "F": "faults"}
    rows = []
    for kind, name in names.items():
        statuses = [row.status for row in _rows(kind)]
        rows.append(
            (name, *(str(statuses.count(status)) for status in (VERIFIED, "partly", PLANNED)))
        )
    return _table(("", "verified", "partly", "planned"), rows)


GENERATORS: dict[str, Callable[[], str]] = {
    "limits": limits,
    "promises": promises,
    "mission": mission,
    "faults-injected": faults_injected,
    "hazards": hazards,
    "mechanisms": mechanisms,
    "matrix-summary": matrix_summary,
    "matrix-mission": matrix_mission,
    "matrix-limits": matrix_limits,
    "matrix-faults": matrix_faults,
}
