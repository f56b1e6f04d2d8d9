"""`titra library` as a person runs it: check, show, diff, compile, verify, and wrong input."""

import json
import re
from pathlib import Path

import pytest

from host_sim.simulator_key import SIMULATOR_KEY

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HOSPITAL = EXAMPLES / "hospital"
NEXT = EXAMPLES / "hospital-next"
HOUSE = (HOSPITAL / "privigen-house.toml").read_text()


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key"
    path.write_text(bytes(range(32)).hex())
    return path


@pytest.fixture
def folder(tmp_path):
    """A folder with the example's file, some of its texts replaced."""

    def make(*replacements, name="own", file="privigen-house.toml"):
        text = HOUSE
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new, 1)
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / file).write_text(text)
        return tmp_path / name

    return make


def lines(text):
    assert "Traceback" not in text
    return text.splitlines()


@pytest.mark.req("M19")
def test_check_counts_what_is_there(titra):
    done = titra("library", "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert lines(done.stdout) == [
        "11 products, 19 indications",
        "58 sources: 11 checked, 19 not checked, 28 own choice",
    ]
    own = titra("library", "check", "--library", HOSPITAL)
    assert lines(own.stdout)[0] == (
        f"12 products, 20 indications, 1 of them from {HOSPITAL}: privigen-house"
    )


@pytest.mark.req("M19")
def test_check_names_each_fault_of_each_file(titra, folder):
    folder(("dwell_min = 45", "dwell_min = 0"), file="a.toml")
    own = folder(('maximum = { rate = [{ value = "4"', 'maximum = { rate = [{ value = "3"'))
    done = titra("library", "check", "--library", own)
    assert (done.returncode, done.stdout) == (2, "")
    assert lines(done.stderr) == [
        f'{own}/a.toml: key: is the text "privigen-house", expected a',
        f"{own}/a.toml: indications.pi.ladder[3].dwell_min: is 0, expected a number of min from "
        "10 to 120",
        f"{own}/privigen-house.toml: indications.pi.ladder[3].rate: is 4 mg/kg/min, above the "
        "label's maximum of 3 mg/kg/min",
    ]


@pytest.mark.parametrize("name", ["none", "empty", "file"])
@pytest.mark.parametrize(
    "verb", [("check",), ("show",), ("compile", "out.tlib", "--simulator-key")]
)
def test_a_folder_that_is_none_exits_2_with_one_line(titra, tmp_path, verb, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    done = titra("library", *verb, "--library", tmp_path / name)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = lines(done.stderr)
    assert line.startswith(f"{tmp_path / name}: ")
    assert not (tmp_path / "out.tlib").exists()


@pytest.mark.req("M19")
def test_show_lists_products_and_the_figures_of_one(titra):
    assert "octagam-10        Octagam 10 %: itp, dm" in lines(titra("library", "show").stdout)
    shown = titra("library", "show", "octagam-10").stdout
    # 3.3 mg/kg/min and the printed 0.03 mL/kg/min: 0.03 x 60 x 70 = 126.0 is the lower
    assert re.search(r"at risk +72.0 +126.0 +234.0 +3.3 mg/kg/min / 0.03 mL/kg/min", shown)
    assert "steps, own choice, read 2026-11-20" in shown
    own = titra("library", "show", "privigen-house", "--library", HOSPITAL)
    assert re.search(r"rung 3 +96.0 +168.0 +312.0 +45 min", own.stdout)
    assert max(map(len, lines(shown))) <= 80


def test_show_of_a_product_that_is_not_there_exits_2(titra):
    done = titra("library", "show", "octagam")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = lines(done.stderr)
    assert line.startswith("octagam: no such product, expected one of asceniv, ")


@pytest.mark.req("M19")
def test_diff_says_what_may_be_faster(titra):
    done = titra("library", "diff", HOSPITAL, NEXT)
    assert (done.returncode, done.stderr) == (0, "")
    shown = lines(done.stdout)
    assert "  FASTER  maximum: 4 mg/kg/min -> 5 mg/kg/min" in shown
    assert "  FASTER  rung 3 dwell: 45 min -> 30 min" in shown
    assert "  slower  dose a day: 0.8 g/kg -> 0.7 g/kg" in shown
    assert shown[-1] == "4 changes: 2 allow more or faster, 2 less, 0 neither"
    document = json.loads(titra("library", "diff", HOSPITAL, NEXT, "--json").stdout)
    assert [change["effect"] for change in document["changes"]].count("FASTER") == 2


def test_diff_of_the_same_says_so(titra):
    done = titra("library", "diff", "built-in", "built-in")
    assert (done.returncode, done.stdout) == (0, "no change of any rate, cap, dwell or dose\n")


@pytest.mark.req("M19")
def test_a_table_is_compiled_verified_and_compared_with_the_files(titra, tmp_path, key_file):
    made = titra("library", "compile", "a.tlib", "--library", HOSPITAL, "--key-file", key_file)
    raw = (tmp_path / "a.tlib").read_bytes()
    assert made.returncode == 0
    assert lines(made.stdout) == [
        f"a.tlib: 12 products, format 1, {len(raw)} bytes",
        f"signature {raw[-32:].hex()}",
    ]
    done = titra("library", "verify", "a.tlib", "--key-file", key_file)
    assert (done.returncode, done.stdout) == (0, "a.tlib: 12 products, signature verified\n")
    same = titra("library", "diff", "a.tlib", HOSPITAL, "--key-file", key_file)
    assert same.stdout == "no change of any rate, cap, dwell or dose\n"
    fewer = titra("library", "diff", "a.tlib", "built-in", "--key-file", key_file)
    assert "product: listed -> gone" in fewer.stdout
    changed = titra("library", "diff", "a.tlib", NEXT, "--key-file", key_file)
    assert "  FASTER  maximum: 4 mg/kg/min -> 5 mg/kg/min" in lines(changed.stdout)


@pytest.mark.req("M19")
def test_an_altered_unsigned_or_foreign_table_is_refused_with_3(titra, tmp_path, key_file):
    titra("library", "compile", "a.tlib", "--simulator-key")
    raw = (tmp_path / "a.tlib").read_bytes()
    (tmp_path / "altered.tlib").write_bytes(raw[:900] + bytes([raw[900] ^ 1]) + raw[901:])
    (tmp_path / "unsigned.tlib").write_bytes(raw[:-32])
    (tmp_path / "text.tlib").write_text("not a table")
    for name, words in (
        ("altered", "a signature that does not fit"),
        ("unsigned", "is not signed"),
        ("text", "is no library table"),
    ):
        for verb in (("verify", f"{name}.tlib"), ("diff", "built-in", f"{name}.tlib")):
            done = titra("library", *verb, "--simulator-key")
            assert (done.returncode, done.stdout) == (3, "")
            (line,) = lines(done.stderr)
            assert line.startswith(f"{name}.tlib: refused: ")
            assert words in line
    foreign = titra("library", "verify", "a.tlib", "--key-file", key_file)
    assert foreign.returncode == 3
    assert titra("library", "verify", "a.tlib", "--simulator-key").returncode == 0


@pytest.mark.parametrize("verb", ["compile", "verify"])
def test_without_a_key_nothing_is_written_or_believed(titra, tmp_path, verb):
    done = titra("library", verb, "a.tlib")
    assert (done.returncode, done.stdout) == (2, "")
    assert lines(done.stderr) == [
        "Error: no key: expected --key-file FILE, TITRA_KEY, or --simulator-key"
    ]
    assert not list(tmp_path.iterdir())


def test_a_key_that_is_none_exits_2(titra, tmp_path):
    (tmp_path / "key").write_text("00" * 32)
    done = titra("library", "compile", "a.tlib", "--key-file", "key")
    assert done.returncode == 2
    assert "expected 64 hex digits" in done.stderr
    assert not (tmp_path / "a.tlib").exists()


@pytest.mark.parametrize(
    ("place", "words"),
    [("none.tlib", "does not exist"), ("none/a.tlib", "does not exist"), (".", "is a directory")],
)
def test_verify_of_no_file_exits_2_with_one_line(titra, place, words):
    done = titra("library", "verify", place, "--simulator-key")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = lines(done.stderr)
    assert line.startswith(f"{place}: ")
    assert words in line


def test_a_place_that_cannot_be_written_exits_2_and_leaves_nothing(titra, tmp_path):
    done = titra("library", "compile", "none/a.tlib", "--simulator-key")
    assert (done.returncode, done.stdout) == (2, "")
    assert lines(done.stderr) == ["none/a.tlib: cannot be written: No such file or directory"]
    assert not list(tmp_path.iterdir())


def test_a_faulty_file_leaves_the_table_that_was_there(titra, tmp_path, folder):
    (tmp_path / "a.tlib").write_bytes(b"before")
    own = folder(("dwell_min = 45", "dwell_min = 0"))
    done = titra("library", "compile", "a.tlib", "--library", own, "--simulator-key")
    assert done.returncode == 2
    assert (tmp_path / "a.tlib").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tlib", "own"]


def test_the_key_may_stand_in_the_environment(titra, tmp_path, monkeypatch):
    monkeypatch.setenv("TITRA_KEY", SIMULATOR_KEY.hex())
    assert titra("library", "compile", "a.tlib").returncode == 0
    monkeypatch.delenv("TITRA_KEY")
    assert titra("library", "verify", "a.tlib", "--simulator-key").returncode == 0
