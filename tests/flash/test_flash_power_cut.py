"""The power goes at every byte that a flashing programs, on a real littlefs.

The files are few and small; the order, the names and the steps are those of
``titra.flashing.procedure``, and what they do to the file system is done by the chip
of the simulated board.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from host_sim.flash import Flash
from host_sim.power import PowerCut, Supply
from pump.hal import pinout
from titra.compile import with_manifest
from titra.flashing.image import KEPT, digest
from titra.flashing.procedure import Flashing, plan
from titra.flashing.prompt import Contents

pytestmark = pytest.mark.req("M23")

KEY = bytes(range(32))
RECORDS = {"session": b"a session that is open", "log": b"x" * 300, "key": KEY}


def version(n: int) -> dict[str, bytes]:
    text = f"version {n} ".encode()
    return with_manifest(
        {
            "boot.py": b"ENABLE low " + text,
            "main.py": text * 30,
            "version": text,
            "pump/__init__.mpy": text,
            "pump/core/units.mpy": text * 90,
            "pump/core/same.mpy": b"the same in both",
            f"pump/only_in_{n}/a.mpy": text * 10,
        }
    )


class LittlefsPrompt:
    """What a ``Prompt`` does, done to a chip."""

    def __init__(self, flash: Flash):
        self.flash = flash
        self.low: list[int] = []

    def contents(self) -> Contents:
        found = Contents()

        def look(folder: str) -> None:
            for name in self.flash.listdir("/" + folder):
                path = folder + name
                try:
                    found.files[path] = digest(self.read(path))
                except OSError:
                    found.folders.append(path)
                    look(path + "/")

        look("")
        return found

    def read(self, path: str) -> bytes:
        with self.flash.open("/" + path, "rb") as file:
            return file.read()

    def drive_low(self, gpio: int) -> None:
        self.low.append(gpio)

    def make_folder(self, path: str) -> None:
        self.flash.mkdir("/" + path)

    def remove_file(self, path: str) -> None:
        self.flash.remove("/" + path)

    remove_folder = remove_file

    def put(
        self, path: str, beside: str, data: bytes, sha: str, progress: Callable[[int], None]
    ) -> bool:
        file = self.flash.open("/" + beside, "wb")
        for at in range(0, len(data), 768):
            file.write(data[at : at + 768])
        file.close()
        if digest(self.read(beside)) != sha:
            return False
        self.flash.rename("/" + beside, "/" + path)
        return True

    def files(self) -> dict[str, bytes]:
        return {path: self.read(path) for path in self.contents().files}


def flash(prompt: LittlefsPrompt, files: dict[str, bytes]) -> None:
    found = prompt.contents()
    todo = plan(found, files, has_key=False, replaces_key=False)
    Flashing(prompt, files, lambda text: None, lambda n: None).carry_out(todo, found, None)


def chip_with(files: dict[str, bytes]) -> tuple[bytes, ...]:
    chip = Flash(Supply())
    prompt = LittlefsPrompt(chip)
    if files:
        flash(prompt, files)
        for name, data in RECORDS.items():
            with chip.open(name, "wb") as file:
                file.write(data)
    return tuple(chip.chip.blocks)


@pytest.mark.parametrize("before", [{}, version(1)], ids=["an empty board", "another version"])
def test_at_every_byte_the_board_boots_safely_and_can_be_flashed_again(before):
    old = chip_with(before)
    new = version(2)
    whole = Flash(Supply(), old)
    flash(LittlefsPrompt(whole), new)
    total = whole.supply.written
    assert total > 5000
    kept = RECORDS if before else {}
    started: set[str] = set()
    for n in [*range(0, total, 23), total - 1]:
        chip = Flash(Supply(), old)
        chip.supply.cut_after(n)
        prompt = LittlefsPrompt(chip)
        with pytest.raises(PowerCut):
            flash(prompt, new)
        assert prompt.low == [pinout.ENABLE]
        chip.supply.restore()
        chip.power_on()
        there = prompt.files()
        assert {name: there.get(name) for name in kept} == kept, n
        mine = {path: data for path, data in there.items() if path not in KEPT}
        if "main.py" in there:
            # It starts: all of one version, and nothing beside it.
            assert mine in (before, new), (n, sorted(mine))
            started.add("old" if mine == before else "new")
        else:
            started.add("prompt")
        assert there.get("boot.py") in (before.get("boot.py"), new["boot.py"]), n
        flash(prompt, new)
        there = prompt.files()
        assert {path: there[path] for path in new} == new
        assert set(there) == {*new, *kept}
        if n % 10 == 0:
            assert "pump/only_in_1" not in prompt.contents().folders
    # The last byte of all is that of main.py's new name.
    assert started == {"prompt", "new", *(["old"] if before else [])}
