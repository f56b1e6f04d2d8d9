"""Runs the suite on each broken firmware and looks whether the right test turns red.

``python -m hil_tests.mutants.run [--write FILE] [NAME ...]``: on the simulator, each in a
process of its own over its own copy of the firmware.  First each of these tests on the sound
one: a test that is red anyway finds nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hil_tests.mutants.table import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
REPEAT = 6
SOUND = Mutant("sound", "the firmware as it is", "")


class MutantError(Exception):
    """The patch does not fit the firmware any more."""


@dataclass(frozen=True)
class Verdict:
    """``red``: the tests that failed; ``reason``: of the one that had to, or why the run
    ended early."""

    mutant: Mutant
    red: tuple[str, ...]
    green: tuple[str, ...]
    reason: str

    @property
    def is_caught(self) -> bool:
        return any(name.startswith(self.mutant.red) for name in self.red)


def broken_copy(mutant: Mutant, folder: Path) -> Path:
    """A copy of ``firmware`` with the patch in it.  Raises ``MutantError``."""
    copy = folder / "firmware"
    shutil.copytree(ROOT / "firmware", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in mutant.edits:
        path = copy / "pump" / name
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise MutantError(f"{mutant.name}: {name} holds {old!r} {text.count(old)} times")
        path.write_text(text.replace(old, new), encoding="utf-8")
    return copy


def judge(mutant: Mutant, tests: list[str], repeat: int = REPEAT) -> Verdict:
    """Run ``tests`` on the mutant."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = broken_copy(mutant, folder)
        ours = [str(copy), str(ROOT), str(ROOT / "tools"), str(ROOT / "host_sim" / "shim")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(ours)}
        # Nothing that was compiled from another mutant in the same second.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment.pop("PYTEST_ADDOPTS", None)
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly",
                *[f"hil_tests/{test}" for test in tests],
                "--dut", "sim", "--repeat", str(repeat), "--report", str(folder / "report"),
                "--leave-out", mutant.left_out, "--tb=short",
            ],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        results = folder / "report" / "results.json"
        if not results.is_file():
            return Verdict(mutant, (), (), (done.stdout + done.stderr)[-400:])
        document = json.loads(results.read_text())
    names: dict[bool, set[str]] = {True: set(), False: set()}
    reason = ""
    for row in document["tests"]:
        failed = row["outcome"] == "failed"
        test = row["id"].removeprefix("hil_tests/")
        names[failed].add(test)
        if failed and test.startswith(mutant.red) and not reason:
            reason = row["reason"]
    reason = reason.removeprefix("Failed: ") or document["ended_early"]
    return Verdict(mutant, tuple(sorted(names[True])), tuple(sorted(names[False])), reason)


def _file_and_name(mutant: Mutant) -> str:
    return mutant.red.partition("[")[0]


def main(names: list[str], file: Path | None = None) -> int:
    """Prints a line per mutant; 1 if one was not caught by its test."""
    wanted = [m for m in MUTANTS if not names or m.name in names]
    sound = judge(SOUND, sorted({_file_and_name(m) for m in wanted}))
    if sound.red or not sound.green:
        print(f"the sound firmware is red: {', '.join(sound.red)} {sound.reason}")
        return 1
    verdicts: list[Verdict] = []
    for mutant in wanted:
        verdict = judge(mutant, [_file_and_name(mutant)])
        verdicts.append(verdict)
        how = "caught" if verdict.is_caught else "NOT CAUGHT"
        print(f"{how:10} {mutant.name:28} {verdict.reason[:150]}", flush=True)
    missed = [v.mutant.name for v in verdicts if not v.is_caught]
    print(f"{len(verdicts) - len(missed)} of {len(verdicts)} caught")
    if file is not None:
        said = {v.mutant.name: v.reason if v.is_caught else "NOT CAUGHT" for v in verdicts}
        file.write_text(json.dumps(said, indent=1) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    arguments = sys.argv[1:]
    to = Path(arguments[1]) if arguments[:1] == ["--write"] else None
    sys.exit(main(arguments[2:] if to else arguments, to))
