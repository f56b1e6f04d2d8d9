"""Requirements, hazards and mechanisms as they stand in ``docs/*.toml``, as records.

``docs/requirements.toml`` is the only place where a requirement is written down; the tables in
``docs/`` are made from it.  Reading collects every fault of form instead of raising at the
first.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

VERIFIED, PARTLY, PLANNED = STATUSES = ("verified", "partly", "planned")
SEVERITIES = ("catastrophic", "critical", "serious", "minor")
# Mission rows, promised limits, faults to inject: letter and how many there are.
KINDS = {"M": 24, "L": 27, "F": 36}

# The questions that FDA's guidance on infusion pumps (2014) puts to each safety mechanism.
QUESTIONS = {
    "not_provided": "not provided",
    "unsafe": "unsafe action",
    "timing": "too early or too late",
    "duration": "stopped too soon or too long",
}


@dataclass(frozen=True)
class Requirement:
    """A mission row (M), a promised limit (L) or a fault that is injected (F).

    ``hazards``      what it controls; of a fault, what it can cause
    ``mechanisms``   what holds it
    ``code``         files below ``firmware`` or the root, with ``::name`` where one name says it
    ``room``         of a planned row: where it will live
    ``missing``      of a row that is not verified: what is missing
    ``expected``, ``answered_by``, ``asserted_at``  of a fault: the safe result, the
                     requirements that promise it, and where a test looks
    ``hil``          why no test on a bench is possible, where none is
    """

    id: str
    title: str
    text: str
    source: str
    limit: str
    status: str
    hazards: list[str]
    mechanisms: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    room: str = ""
    missing: str = ""
    expected: str = ""
    answered_by: list[str] = field(default_factory=list)
    asserted_at: str = ""
    hil: str = ""

    @property
    def kind(self) -> str:
        return self.id[:1]


@dataclass(frozen=True)
class Hazard:
    """``controls`` are requirements; each of them names this hazard in turn."""

    id: str
    harm: str
    causes: str
    severity: str
    controls: list[str]
    residual: str


@dataclass(frozen=True)
class Answer:
    """What happens ``then``, and ``by`` what it is caught: tests, mechanisms, requirements."""

    then: str
    by: list[str]


@dataclass(frozen=True)
class Mechanism:
    """One safety mechanism and its answers to `QUESTIONS`."""

    id: str
    name: str
    does: str
    status: str
    code: list[str] = field(default_factory=list)
    room: str = ""
    not_provided: Answer | None = None
    unsafe: Answer | None = None
    timing: Answer | None = None
    duration: Answer | None = None


@dataclass(frozen=True)
class Register:
    """All rows by id, and what is wrong with their form."""

    requirements: dict[str, Requirement]
    hazards: dict[str, Hazard]
    mechanisms: dict[str, Mechanism]
    faults_of_form: list[str]


def read_documents(root: Path = ROOT) -> dict[str, Any]:
    """The three files as they are.  Raises ``tomllib.TOMLDecodeError``."""
    documents: dict[str, Any] = {}
    for name in ("requirements", "hazards", "mechanisms"):
        with (root / "docs" / f"{name}.toml").open("rb") as file:
            documents.update(tomllib.load(file))
    return documents


def register_of(documents: dict[str, Any]) -> Register:
    """Records from the files' tables ``requirement``, ``hazard`` and ``mechanism``."""
    faults: list[str] = []

    def rows(kind: str, record: type) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for row in documents.get(kind, []):
            name = row.get("id", f"a {kind} without id")
            if name in made:
                faults.append(f"{name}: stands there twice")
            made[name] = _record(record, row, name, faults)
        return made

    for further in documents.keys() - {"requirement", "hazard", "mechanism"}:
        faults.append(f"{further}: no such table")
    return Register(
        rows("requirement", Requirement),
        rows("hazard", Hazard),
        rows("mechanism", Mechanism),
        faults,
    )


def _record(record: type, row: dict[str, Any], name: str, faults: list[str]) -> Any:
    known = {item.name: item for item in fields(record)}
    for key in row.keys() - known.keys():
        faults.append(f"{name}: no field is called {key}")
    values = {}
    for key, item in known.items():
        is_list = "list" in str(item.type)
        value = row.get(key)
        if key in QUESTIONS:
            value = _answer(value)
        elif value is None:
            if item.default is MISSING and item.default_factory is MISSING:
                faults.append(f"{name}: no {key}")
            value = [] if is_list else ""
        elif not isinstance(value, list if is_list else str) or not value:
            faults.append(f"{name}: {key} is {value!r}, expected {'a list' if is_list else 'text'}")
            value = [] if is_list else ""
        values[key] = value
    return record(**values)


def _answer(value: Any) -> Answer | None:
    if not isinstance(value, dict) or value.keys() != {"then", "by"}:
        return None
    return Answer(value["then"], value["by"]) if value["then"] and value["by"] else None
