"""One run of ``titra flash`` from its port to the version that runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pump
from host_sim.links import LinkError
from pump.core.self_test_items import ITEM_NAMES
from pump.hal import pinout
from titra.flashing.entry import (
    AT_PROMPT,
    FlashRefused,
    Running,
    first_look,
    get_in,
    read_back,
)
from titra.flashing.image import KEY, digest, image
from titra.flashing.procedure import Flashing, Plan, check_chip, new_key, plan
from titra.flashing.prompt import Chip, Contents, Prompt, as_version
from titra.ports import Place, locate, locate_again
from titra.progress import bar

_INTERRUPTED = "it stays at its prompt with the motor off; flash it again"


@dataclass(frozen=True)
class Request:
    """What was asked for; see ``titra flash --help``."""

    port: str
    key: bytes | None
    new_key: Path | None
    clear: bool
    wait_s: float
    slowness: float
    dry_run: bool
    show_progress: bool


@dataclass
class Outcome:
    """``document`` is what ``--json`` prints; ``failures`` make the exit code 1."""

    document: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """For a person."""
        d = self.document
        if d["dry_run"]:
            if d.get("running"):
                yield f"version {d['running']} runs; what differs shows only at its prompt"
                return
            yield from (f"would write {path}" for path in d["written"])
            yield from (f"would remove {path}" for path in d["removed"])
            yield f"{d['unchanged']} files are identical, the device key would be {d['key']}"
            return
        yield (
            f"{len(d['written'])} files written, {len(d['removed'])} removed, "
            f"{d['unchanged']} identical; device key: {d['key']}"
        )
        test = d["self_test"]
        yield f"version {d['version']} runs on {d['serial_number']}, self-test {test['result']}"
        if test["absent"]:
            yield f"not fitted: {', '.join(test['absent'])}"


def flash(request: Request, say: Callable[[str], None]) -> Outcome:
    """Raises ``PortError``, ``LinkError``, ``FlashRefused``, ``CompileError``,
    ``PromptError`` or ``FlashFailed``."""
    files = image()
    place = replace(locate(request.port), slowness=request.slowness)
    serial_number = place.serial_number
    if request.dry_run:
        found = first_look(place, interrupts=False)
        if isinstance(found, Running):
            return Outcome({"dry_run": True, "port": place.url, **_of(found)})
        if found != AT_PROMPT:
            raise LinkError(f"{place.url}: nothing answers there")
    else:
        serial_number = get_in(place, request.key, request.wait_s, say)
    prompt = Prompt(locate_again(place).url)
    try:
        chip = prompt.chip()
        check_chip(chip, serial_number, files)
        contents = prompt.contents()
        todo = plan(contents, files, _has_key(request), request.new_key is not None)
        _check_foreign(todo, request.clear)
        outcome = Outcome(_document(request, place, chip, todo))
        if request.dry_run:
            return outcome
        say(f"{chip.machine}, MicroPython {as_version(chip.version)}, {chip.serial_number}")
        _say_key(request, contents, todo, say)
        with _interruption_said(place):
            _carry_out(request, prompt, files, todo, contents, say)
        _wait_for_strap_off(prompt, request.wait_s, say)
        prompt.restart()
    finally:
        prompt.close()
    _read_back(request, place, chip, outcome)
    return outcome


def _of(running: Running) -> dict[str, object]:
    return {
        "serial_number": running.serial_number,
        "running": running.version,
        "state": running.state,
        "version": pump.VERSION,
    }


def _has_key(request: Request) -> bool:
    return request.key is not None or request.new_key is not None


def _check_foreign(todo: Plan, clear: bool) -> None:
    if todo.foreign and not clear:
        raise FlashRefused(
            "the board holds files that are not ours: "
            + ", ".join(todo.foreign[:8])
            + (" and more" if len(todo.foreign) > 8 else "")
            + "; --clear removes them"
        )


def _document(request: Request, place: Place, chip: Chip, todo: Plan) -> dict[str, object]:
    return {
        "dry_run": request.dry_run,
        "port": place.url,
        "serial_number": chip.serial_number,
        "board": chip.machine,
        "micropython": as_version(chip.version),
        "written": todo.write,
        "removed": todo.remove,
        "unchanged": todo.unchanged,
        "key": todo.key,
        "version": pump.VERSION,
    }


def _say_key(request: Request, contents: Contents, todo: Plan, say: Callable[[str], None]) -> None:
    if todo.key == "none":
        say("no device key: nobody can log in to this board; --new-key FILE makes one")
    elif todo.key == "kept" and request.key and contents.files[KEY] != digest(request.key):
        say("the board has another device key than the one given; its own stays")


@contextmanager
def _interruption_said(place: Place) -> Iterator[None]:
    try:
        yield
    except LinkError as error:
        raise LinkError(f"{error}; the link was lost while flashing: {_INTERRUPTED}") from None


def _carry_out(
    request: Request,
    prompt: Prompt,
    files: dict[str, bytes],
    todo: Plan,
    contents: Contents,
    say: Callable[[str], None],
) -> None:
    key = request.key
    if request.new_key is not None:
        # On this side first: a board must not have a key that nobody knows.
        key = new_key(request.new_key)
        say(f"device key kept in {request.new_key}")
    total = sum(len(files[path]) for path in todo.write)
    with bar(total, request.show_progress, "flashing") as progress:
        Flashing(prompt, files, lambda text: None, progress).carry_out(todo, contents, key)


def _wait_for_strap_off(prompt: Prompt, wait_s: float, say: Callable[[str], None]) -> None:
    """With the strap the restart would end at the prompt again."""
    until = time.monotonic() + wait_s
    if prompt.level(pinout.MAINTENANCE):
        return
    say("written and verified. Take the strap off GP20; the board then restarts")
    while not prompt.level(pinout.MAINTENANCE):
        if time.monotonic() > until:
            raise LinkError(
                "written and verified, but GP20 is still connected to ground: take the strap "
                "off and reset the board"
            )
        time.sleep(0.5)


def _read_back(request: Request, place: Place, chip: Chip, outcome: Outcome) -> None:
    started = read_back(place, request.wait_s)
    test = {
        "result": started.self_test,
        "item": started.item,
        "absent": [name.decode() for i, name in enumerate(ITEM_NAMES) if started.absent >> i & 1],
    }
    outcome.document["self_test"] = test
    outcome.document["version"] = started.version
    outcome.document["port"] = locate_again(place).url
    if started.serial_number != chip.serial_number:
        outcome.failures.append(
            f"{chip.serial_number} was flashed, and {started.serial_number} answers"
        )
    if started.version != pump.VERSION:
        outcome.failures.append(
            f"version {started.version} runs, and {pump.VERSION} was put on the board"
        )
    if started.self_test != "PASSED":
        outcome.failures.append(f"the self-test failed at {started.item}")
    if outcome.document["key"] != "none" and not started.has_key:
        outcome.failures.append("the firmware does not find its device key")
