"""Experiments from one and the same moment of an emulated board.

A child process gets the whole emulator as it stands, does with it what it
likes and says what came of it; the parent's board has not moved.  So one boot
serves hundreds of trials.
"""

from __future__ import annotations

import os
import pickle
import sys
import traceback
from collections.abc import Callable, Iterable

# A test runner that has a process a core needs no more of them.
CORES = 1 if "PYTEST_XDIST_WORKER" in os.environ else max(1, min(2, os.cpu_count() or 1))


class TrialFailed(Exception):
    """The experiment raised; the message is its traceback."""


def _begin(trial: Callable[[], object]) -> tuple[int, int]:
    """(process, read end of its pipe)"""
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    # Nothing of the parent's may run here: no test's clean-up, no exit handler.
    try:
        os.close(reading)
        try:
            answer = pickle.dumps((True, trial()))
        except BaseException:
            answer = pickle.dumps((False, traceback.format_exc()))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _end(child: int, reading: int):
    with os.fdopen(reading, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise TrialFailed("the process of the trial ended without a word")
    succeeded, result = pickle.loads(data)
    if not succeeded:
        raise TrialFailed(result)
    return result


def in_fork(trial: Callable[[], object]):
    """What ``trial`` returns, run in a child; it must be possible to pickle it.

    Raises ``TrialFailed``.
    """
    return _end(*_begin(trial))


def in_forks(trials: Iterable[Callable[[], object]], at_once: int = CORES) -> list:
    """The same for many, ``at_once`` of them at a time; results in their order."""
    running: list[tuple[int, int]] = []
    results = []
    try:
        for trial in trials:
            if len(running) >= at_once:
                results.append(_end(*running.pop(0)))
            running.append(_begin(trial))
        while running:
            results.append(_end(*running.pop(0)))
    finally:
        for child, reading in running:
            os.close(reading)
            os.waitpid(child, 0)
    return results
