"""Imports every file of the firmware on the fakes, and starts ``boot`` and ``main``.

Prints one line; a name that ``const`` hides, or one that is not there, ends it.
"""

import sys

import fake_board

_STRAP = 20
MODULES = ()  # the test puts the names of all of them here


def main():
    undo = fake_board.install()
    # Strapped, so that ``main`` comes to its end.
    fake_board.world.levels[_STRAP] = 0
    n = 0
    try:
        for name in MODULES:
            __import__(name)
            n += 1
        __import__("boot")
        __import__("main")
    finally:
        undo()
    print(n, "modules on", sys.implementation.name)
