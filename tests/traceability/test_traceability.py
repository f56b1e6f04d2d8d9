"""The register of requirements holds, and each way in which it may lie is found."""

import copy
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from titra import docgen, trace_tables, traceability
from titra.evidence import Claim, citations_in, claims_in, names_in
from titra.register import KINDS, ROOT, read_documents, register_of

IDS = [f"{kind}{number}" for kind, last in KINDS.items() for number in range(1, last + 1)]


@pytest.fixture(scope="module")
def documents():
    return read_documents()


@pytest.fixture(scope="module")
def evidence():
    return traceability.collect()


def test_every_row_holds(documents, evidence):
    assert traceability.problems(register_of(documents), evidence) == []


# --- what is broken is found ---------------------------------------------------------------


def row(documents, name):
    every = documents["requirement"] + documents["hazard"] + documents["mechanism"]
    return next(row for row in every if row["id"] == name)


def put(name, **fields):
    """Set fields of a row; ``None`` takes a field away."""

    def change(documents):
        found = row(documents, name)
        for field, value in fields.items():
            if value is None:
                found.pop(field, None)
            else:
                found[field] = value

    return change


def add(name, field, value):
    return lambda documents: row(documents, name)[field].append(value)


def drop(kind, name):
    def change(documents):
        documents[kind] = [row for row in documents[kind] if row["id"] != name]

    return change


def twice(documents):
    documents["hazard"].append(documents["hazard"][0])


def add_hazard(documents):
    documents["hazard"].append(row(documents, "H1") | {"id": "G1"})


def rest_on_what_is_planned(documents):
    put("L10", status="planned")(documents)
    put("vtbi", status="verified", timing=ANSWER | {"by": ["L10"]})(documents)


ANSWER = {"then": "it stops", "by": ["interlock"]}
BROKEN = [
    (drop("requirement", "M7"), "M7: no row in docs/requirements.toml"),
    (drop("requirement", "L12"), "L12: no row in docs/requirements.toml"),
    (drop("requirement", "F36"), "F36: no row in docs/requirements.toml"),
    (put("L25", id="L28"), "L28: no such mission row, limit or fault"),
    (twice, "H1: stands there twice"),
    (add_hazard, "G1: a hazard's id is H and a number"),
    (put("L8", limit=None), "L8: no limit"),
    (put("L8", text=""), "L8: text is '', expected text"),
    (put("L8", hazards=[]), "L8: hazards is [], expected a list"),
    (put("L8", hazard="H1"), "L8: no field is called hazard"),
    (put("L8", status="done"), "L8: status 'done', expected one of verified, partly, planned"),
    (put("L8", status="verified", code=None), "L8: verified, but names no code"),
    (put("L8", code=["pump/core/gone.py"]), "L8: pump/core/gone.py does not exist"),
    (put("L8", code=["pump/core/volume.py::Gone"]), "L8: volume.py defines no Gone"),
    (
        put("L8", status="verified", missing="a part"),
        "L8: verified, but says that something is missing",
    ),
    (put("L8", status="partly", missing=None), "L8: partly, but does not say what is missing"),
    (put("L8", status="planned"), "L8: planned, but tests/"),
    (put("L8", status="planned"), "L8: planned, but names code; say partly"),
    (put("L8", status="planned", room=None), "L8: planned, but does not say in which room"),
    (add("L8", "hazards", "H99"), "L8: names H99, which is no hazard"),
    (add("L8", "mechanisms", "luck"), "L8: names luck, which is no mechanism"),
    (put("L8", mechanisms=None), "L8: no mechanism"),
    (put("F36", status="verified"), "F36: verified, but no test in tests/faults/ names it"),
    (put("F36", status="planned"), "F36: planned, but tests/"),
    (put("F36", expected=None), "F36: no expected"),
    (put("F36", answered_by=["F1"]), "F36: names F1, which is no requirement"),
    (put("H3", controls=[]), "H3: no control"),
    (add("H3", "controls", "L99"), "H3: its control L99 is no requirement"),
    (add("H3", "controls", "F28"), "H3: its control F28 is no requirement"),
    (add("H3", "controls", "M24"), "H3: its control M24 does not name H3"),
    (put("H3", controls=["L5"]), "L8: names H3, which does not name it as a control"),
    (put("H3", severity="bad"), "H3: severity 'bad'"),
    (drop("hazard", "H3"), "L5: names H3, which is no hazard"),
    (put("interlock", timing=None), "interlock: no answer to 'too early or too late'"),
    (put("guard", unsafe=None), "guard: no answer to 'unsafe action'"),
    (put("vtbi", duration={"then": ""}), "vtbi: no answer to 'stopped too soon or too long'"),
    (put("vtbi", not_provided=ANSWER | {"by": []}), "vtbi: no answer to 'not provided'"),
    (
        put("vtbi", unsafe=ANSWER | {"by": ["tests/gone.py"]}),
        "vtbi: 'unsafe action' rests on tests/gone.py, which is nothing known",
    ),
    (
        rest_on_what_is_planned,
        "vtbi: verified, but 'too early or too late' rests on what is only planned",
    ),
    (put("vtbi", status="maybe"), "vtbi: status 'maybe'"),
    (put("vtbi", status="verified", code=None), "vtbi: verified, but names no code"),
    (put("guard", status="planned", room=None), "guard: planned, but does not say in which room"),
    (put("vtbi", code=["pump/core/gone.py"]), "vtbi: pump/core/gone.py does not exist"),
    (put("door-switch", id="flap"), "flap: no requirement names this mechanism"),
]


@pytest.mark.parametrize(("change", "line"), BROKEN, ids=[line for _, line in BROKEN])
def test_a_row_that_lies_is_told_in_a_line(documents, evidence, change, line):
    broken = copy.deepcopy(documents)
    change(broken)
    elsewhere = [claim for claim in evidence.claims if "tests/faults/" not in claim.path]
    found = traceability.problems(register_of(broken), replace(evidence, claims=elsewhere))
    assert [told for told in found if told.startswith(line)]
    assert not [told for told in found if "\n" in told]


def without(evidence, name):
    return replace(
        evidence,
        claims=[replace(claim, ids=claim.ids - {name}) for claim in evidence.claims],
    )


@pytest.mark.parametrize("name", ["M2", "L12", "F9"])
def test_a_requirement_that_lost_its_tests_is_told(documents, evidence, name):
    found = traceability.problems(register_of(documents), without(evidence, name))
    assert any(told.startswith(f"{name}: ") and "no test names it" in told for told in found)


def test_a_test_that_names_no_requirement_is_told(documents, evidence):
    claims = [*evidence.claims, Claim("tests/x.py", "test_x", frozenset({"L99"}))]
    found = traceability.problems(register_of(documents), replace(evidence, claims=claims))
    assert found == ["tests/x.py::test_x: names L99, which is no requirement"]


def test_firmware_that_names_no_requirement_is_told(documents, evidence):
    cited = evidence.cited | {"L99": {"firmware/x.py"}}
    found = traceability.problems(register_of(documents), replace(evidence, cited=cited))
    assert found == ["firmware/x.py: names L99, which is no requirement"]


def test_once_there_is_a_suite_for_the_bench_each_limit_needs_its_test(documents, evidence):
    hil = [Claim("hil_tests/test_stop.py", "test_stop", frozenset({"L3"}))]
    found = traceability.problems(register_of(documents), replace(evidence, hil=hil))
    assert "L6: no HIL test names it, and it does not say why" in found
    assert not [told for told in found if told.startswith("L3:")]


def test_a_fault_turns_to_verified_by_one_word_and_its_own_test(documents, evidence):
    planned, verified = copy.deepcopy(documents), copy.deepcopy(documents)
    put("F6", status="planned", missing=None)(planned)
    put("F6", status="verified", missing=None)(verified)
    none = without(evidence, "F6")
    own = Claim("tests/faults/test_f06.py", "test_f", frozenset({"F6"}))
    one = replace(none, claims=[*none.claims, own])
    assert traceability.problems(register_of(planned), none) == []
    assert traceability.problems(register_of(verified), one) == []
    assert traceability.problems(register_of(verified), none) == [
        "F6: verified, but no test names it"
    ]
    assert traceability.problems(register_of(planned), one) == [
        "F6: planned, but tests/faults/test_f06.py::test_f claims to verify it; "
        "say partly or verified"
    ]


def test_docs_are_not_made_from_a_register_that_lies(documents, monkeypatch, capsys):
    broken = copy.deepcopy(documents)
    put("L8", limit=None)(broken)
    monkeypatch.setattr(traceability, "read_documents", lambda: broken)
    assert docgen.main(["--check"]) == 1
    assert capsys.readouterr().out == "L8: no limit\n"


# --- the tables -----------------------------------------------------------------------------


def rows_of(table):
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]
    ]


def test_every_id_has_its_row_in_the_matrix_and_no_cell_is_empty():
    matrix = (
        rows_of(trace_tables.matrix_mission())
        + rows_of(trace_tables.matrix_limits())
        + rows_of(trace_tables.matrix_faults())
    )
    assert [cells[0].split("**")[1] for cells in matrix] == IDS
    for cells in matrix:
        assert len(cells) == 7
        assert all(cells), cells


@pytest.mark.parametrize("name", sorted(trace_tables.GENERATORS))
def test_no_table_has_an_empty_cell(name):
    for line in trace_tables.GENERATORS[name]().splitlines():
        if line.startswith("| ") and not line.startswith("|  |"):
            assert all(cell.strip() for cell in line.strip("|").split("|")), line


# --- how tests and firmware are read ---------------------------------------------------------

SAMPLE = """
import pytest

TABLE = [("L1", 1), ("L2 door", 2), ("no L3", 3)]
MADE = [pytest.param(n, marks=pytest.mark.req(i)) for i, n in TABLE]


def param(key):
    return pytest.param(key, marks=pytest.mark.req(TABLE[key][0].split()[0]))


@pytest.fixture(params=MADE)
def made(request):
    return request.param


@pytest.mark.req("L4", "F9")
@pytest.mark.req("M5")
def test_several():
    pass


@pytest.mark.parametrize("n", MADE)
def test_from_a_table():
    pass


def test_by_a_fixture(made):
    pass


@pytest.mark.parametrize("n", [param(0), pytest.param(1, marks=pytest.mark.req("M6"))])
def test_by_a_helper(n):
    pass


@pytest.mark.req("L7")
class TestGroup:
    def test_inside(self):
        pass


@pytest.mark.req("L8")
class TestMachine(Machine.TestCase):
    pass


def test_of_nothing():
    pass
"""


@pytest.fixture
def sample(tmp_path):
    def write(path, text):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    write("tests/test_sample.py", SAMPLE)
    write("tests/sub/test_all.py", 'pytestmark = [pytest.mark.req("L9")]\ndef test_it(): pass\n')
    write("firmware/a.py", '"""Held.  (L4)"""\nX = 0xF5  # why: M3\nL8 = F9 = 1\nY = "F12"\n')
    return tmp_path


def test_markers_are_found_wherever_pytest_finds_them(sample):
    found = {claim.name: set(claim.ids) for claim in claims_in(sample, "tests")}
    assert found == {
        "test_several": {"L4", "F9", "M5"},
        "test_from_a_table": {"L1", "L2"},
        "test_by_a_fixture": {"L1", "L2"},
        "test_by_a_helper": {"L1", "L2", "M6"},
        "TestGroup::test_inside": {"L7"},
        "TestMachine": {"L8"},
        "test_of_nothing": set(),
        "test_it": {"L9"},
    }


def test_ids_of_the_firmware_stand_in_comments_and_strings(sample):
    found = citations_in(sample, "firmware")
    assert found == {name: {"firmware/a.py"} for name in ("L4", "M3", "F12")}


def test_a_file_is_asked_for_functions_classes_methods_and_constants():
    found = names_in(Path(ROOT / "firmware/pump/core/titration.py"))
    assert {"Titration", "Titration.confirm", "QUESTION_NONE", "QUESTION_NAMES"} <= found
    assert "confirm" not in found


COLLECT = """
import json, sys, pytest

class Gather:
    def pytest_collection_modifyitems(self, items):
        pairs = {
            (item.nodeid.split("::")[0], name)
            for item in items for mark in item.iter_markers("req") for name in mark.args
        }
        print("PAIRS" + json.dumps(sorted(pairs)))

sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests"], [Gather()]))
"""


BY_TABLE = {
    "tests/core/test_alarm_matrix.py",
    "tests/core/test_every_condition_in_every_state.py",
}


def test_the_matrix_names_for_each_id_the_files_that_pytest_collects(evidence):
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("PAIRS"))
    collected = {tuple(pair) for pair in json.loads(line.removeprefix("PAIRS"))}
    claimed = {(claim.path, name) for claim in evidence.claims for name in claim.ids}
    assert claimed <= collected
    # Files that take ids from a table of another module show fewer than they have.
    assert {path for path, _ in collected - claimed} <= BY_TABLE
