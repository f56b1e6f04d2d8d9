"""What would happen if: the same pump taken on from here in many ways.

Each question is put to a copy of the whole process (`os.fork`), so that an
infusion has to be lived only once to be disturbed at every tick of it.
"""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from collections.abc import Callable
from typing import TypeVar

from host_sim.fakes import hub

Answer = TypeVar("Answer")


class WhatIfFailed(AssertionError):
    """The copy raised; its traceback is the message."""


def what_if(question: Callable[[], Answer]) -> Answer:
    """``question()`` as answered by a copy of this process, which then ends.

    Nothing that it does is seen here.  Raises ``WhatIfFailed`` if it, or the
    firmware in it, raised.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        gc.disable()  # a collection would touch, and so copy, every page
        os.close(read_end)
        try:
            answer = (True, question())
            if hub.board.crashes:
                # A reset to the board, and a failure here.
                answer = (False, hub.board.crashes[0][1])
        except BaseException:
            answer = (False, traceback.format_exc())
        with os.fdopen(write_end, "wb") as pipe:
            pipe.write(pickle.dumps(answer))
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    went_well, answer = pickle.loads(data)
    if not went_well:
        raise WhatIfFailed(answer)
    return answer
