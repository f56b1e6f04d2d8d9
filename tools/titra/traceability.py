"""Does every requirement have its code and its tests, and does everything else fit?

``python -m titra.traceability`` prints one line per problem (exit code 1 if there is any);
``python -m titra.traceability L12 F9`` prints all that names these ids.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from titra.evidence import Claim, citations_in, claims_in, names_in
from titra.register import (
    KINDS,
    PARTLY,
    PLANNED,
    QUESTIONS,
    ROOT,
    SEVERITIES,
    STATUSES,
    VERIFIED,
    Mechanism,
    Register,
    Requirement,
    read_documents,
    register_of,
)

# A fault counts as verified when a test of its own in this folder claims it.
FAULT_TESTS = "tests/faults/"


@dataclass(frozen=True)
class Evidence:
    """What tests and firmware say of requirements.

    ``claims``   tests on the host
    ``hil``      tests on a bench
    ``cited``    id to the files of the firmware that name it
    """

    claims: list[Claim]
    hil: list[Claim]
    cited: dict[str, set[str]]

    def tests(self, requirement: str) -> list[Claim]:
        return self._tests.get(requirement, [])

    def hil_tests(self, requirement: str) -> list[Claim]:
        return self._hil_tests.get(requirement, [])

    @cached_property
    def _tests(self) -> dict[str, list[Claim]]:
        return _by_id(self.claims)

    @cached_property
    def _hil_tests(self) -> dict[str, list[Claim]]:
        return _by_id(self.hil)


def _by_id(claims: list[Claim]) -> dict[str, list[Claim]]:
    by_id: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        for name in claim.ids:
            by_id[name].append(claim)
    return by_id


def collect(root: Path = ROOT) -> Evidence:
    """Read the tests and the firmware below ``root``."""
    return Evidence(
        claims_in(root, "tests"), claims_in(root, "hil_tests"), citations_in(root, "firmware")
    )


def code_path(reference: str, root: Path = ROOT) -> Path:
    """The file of ``pump/core/volume.py::Volume`` or ``tools/titra/...``."""
    name = reference.partition("::")[0]
    return root / "firmware" / name if name.startswith("pump/") else root / name


def problems(register: Register, evidence: Evidence, root: Path = ROOT) -> list[str]:
    """One line per problem; none when every row holds."""
    return [
        *register.faults_of_form,
        *_ids(register),
        *_requirements(register, evidence, root),
        *_hazards(register),
        *_mechanisms(register, evidence, root),
        *_names(register, evidence),
    ]


def _ids(register: Register) -> Iterator[str]:
    expected = [f"{kind}{number}" for kind, last in KINDS.items() for number in range(1, last + 1)]
    for name in expected:
        if name not in register.requirements:
            yield f"{name}: no row in docs/requirements.toml"
    for name in register.requirements:
        if name not in expected:
            yield f"{name}: no such mission row, limit or fault"
    for name in register.hazards:
        if not re.fullmatch("H[1-9][0-9]?", name):
            yield f"{name}: a hazard's id is H and a number"


def _requirements(register: Register, evidence: Evidence, root: Path) -> Iterator[str]:
    for row in register.requirements.values():
        name = row.id
        tests = evidence.tests(name)
        if row.status not in STATUSES:
            yield f"{name}: status {row.status!r}, expected one of {', '.join(STATUSES)}"
        if row.status == PLANNED and tests:
            yield f"{name}: planned, but {tests[0]} claims to verify it; say partly or verified"
        if row.status != PLANNED and not tests:
            yield f"{name}: {row.status}, but no test names it"
        yield from _unknown(name, "hazard", row.hazards, register.hazards)
        yield from _unknown(name, "mechanism", row.mechanisms, register.mechanisms)
        if row.kind == "F":
            yield from _fault(row, tests, register)
        else:
            yield from _promise(row, root)
            due = row.kind == "L" and row.status != PLANNED and evidence.hil
            if due and not evidence.hil_tests(name) and not row.hil:
                yield f"{name}: no HIL test names it, and it does not say why"


def _promise(row: Requirement, root: Path) -> Iterator[str]:
    """What a mission row or a limit must say."""
    if row.status == PLANNED:
        if row.code:
            yield f"{row.id}: planned, but names code; say partly"
        if not row.room:
            yield f"{row.id}: planned, but does not say in which room"
    elif not row.code:
        yield f"{row.id}: {row.status}, but names no code"
    if row.status == VERIFIED and row.missing:
        yield f"{row.id}: verified, but says that something is missing"
    if row.status != VERIFIED and not row.missing:
        yield f"{row.id}: {row.status}, but does not say what is missing"
    if not row.mechanisms:
        yield f"{row.id}: no mechanism"
    yield from _code(row.id, row.code, root)


def _fault(row: Requirement, tests: list[Claim], register: Register) -> Iterator[str]:
    for key in ("expected", "asserted_at", "answered_by"):
        if not getattr(row, key):
            yield f"{row.id}: no {key}"
    promises = {name for name, other in register.requirements.items() if other.kind != "F"}
    yield from _unknown(row.id, "requirement", row.answered_by, promises)
    has_own = any(test.path.startswith(FAULT_TESTS) for test in tests)
    if row.status == VERIFIED and tests and not has_own:
        yield f"{row.id}: verified, but no test in {FAULT_TESTS} names it; say partly"
    if row.status == PARTLY and has_own and not row.missing:
        yield f"{row.id}: partly, but {FAULT_TESTS} has its test; say verified, or what is missing"


def _hazards(register: Register) -> Iterator[str]:
    requirements = register.requirements
    for hazard in register.hazards.values():
        if hazard.severity not in SEVERITIES:
            yield f"{hazard.id}: severity {hazard.severity!r}, expected {', '.join(SEVERITIES)}"
        if not hazard.controls:
            yield f"{hazard.id}: no control"
        for control in hazard.controls:
            if control not in requirements or requirements[control].kind == "F":
                yield f"{hazard.id}: its control {control} is no requirement"
            elif hazard.id not in requirements[control].hazards:
                yield f"{hazard.id}: its control {control} does not name {hazard.id}"
    for row in requirements.values():
        for name in row.hazards:
            hazard = register.hazards.get(name)
            if hazard and row.kind != "F" and row.id not in hazard.controls:
                yield f"{row.id}: names {name}, which does not name it as a control"


def _mechanisms(register: Register, evidence: Evidence, root: Path) -> Iterator[str]:
    named = {name for row in register.requirements.values() for name in row.mechanisms}
    for mechanism in register.mechanisms.values():
        name = mechanism.id
        if mechanism.status not in STATUSES:
            yield f"{name}: status {mechanism.status!r}, expected one of {', '.join(STATUSES)}"
        if name not in named:
            yield f"{name}: no requirement names this mechanism"
        if mechanism.status == PLANNED:
            if not mechanism.room:
                yield f"{name}: planned, but does not say in which room"
        elif not mechanism.code:
            yield f"{name}: {mechanism.status}, but names no code"
        yield from _code(name, mechanism.code, root)
        yield from _answers(mechanism, register, evidence)


def _answers(mechanism: Mechanism, register: Register, evidence: Evidence) -> Iterator[str]:
    tests = {str(claim) for claim in evidence.claims + evidence.hil}
    tests |= {claim.path for claim in evidence.claims + evidence.hil}
    for key, question in QUESTIONS.items():
        answer = getattr(mechanism, key)
        if answer is None:
            yield f"{mechanism.id}: no answer to '{question}'"
            continue
        stands = False
        for by in answer.by:
            row = register.mechanisms.get(by) or register.requirements.get(by)
            if row is None and by not in tests:
                yield f"{mechanism.id}: '{question}' rests on {by}, which is nothing known"
            stands = stands or row is None or row.status != PLANNED
        if mechanism.status == VERIFIED and not stands:
            yield f"{mechanism.id}: verified, but '{question}' rests on what is only planned"


def _names(register: Register, evidence: Evidence) -> Iterator[str]:
    known = register.requirements
    for claim in evidence.claims + evidence.hil:
        for name in sorted(claim.ids - known.keys()):
            yield f"{claim}: names {name}, which is no requirement"
    for name in sorted(evidence.cited.keys() - known.keys()):
        yield f"{min(evidence.cited[name])}: names {name}, which is no requirement"


def _unknown(name: str, what: str, given: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    for each in given:
        if each not in known:
            yield f"{name}: names {each}, which is no {what}"


def _code(name: str, references: Iterable[str], root: Path) -> Iterator[str]:
    for reference in references:
        path = code_path(reference, root)
        inside = reference.partition("::")[2]
        if not path.exists():
            yield f"{name}: {reference} does not exist"
        elif inside and inside not in _defined(path):
            yield f"{name}: {path.name} defines no {inside}"


@cache
def _defined(path: Path) -> set[str]:
    return names_in(path)


def _tell(name: str, register: Register, evidence: Evidence) -> None:
    row = register.requirements.get(name)
    print(f"{name}: {row.title} ({row.status})" if row else f"{name}: no requirement")
    for path in sorted(evidence.cited.get(name, ())):
        print(f"  cited in  {path}")
    for claim in evidence.tests(name) + evidence.hil_tests(name):
        print(f"  test      {claim}")


def main(arguments: list[str]) -> int:
    """Check, or with ids tell what names them; the exit code."""
    register, evidence = register_of(read_documents()), collect()
    for name in arguments:
        _tell(name, register, evidence)
    if arguments:
        return 0
    found = problems(register, evidence)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
