"""Words for people alone stay off the board; everything else of their tables stays."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from titra.compile import FIRMWARE
from titra.texts import TABLES, TextError, without_texts


def module_of(source: bytes) -> ModuleType:
    made = ModuleType("made")
    exec(compile(source, "made", "exec"), made.__dict__)
    return made


@pytest.mark.parametrize("name", TABLES)
def test_the_board_s_table_differs_in_its_words_and_in_nothing_else(name):
    source = (FIRMWARE / name).read_bytes()
    stripped = without_texts(name, source)
    assert stripped.count(b"\n") == source.count(b"\n")
    variable, columns = TABLES[name]
    before, after = (vars(module_of(text)) for text in (source, stripped))
    words = 0
    for old, new in zip(before[variable], after[variable], strict=True):
        for column, (was, now) in enumerate(zip(old, new, strict=True)):
            if columns is None or column in columns:
                assert now == ""
                words += len(was)
            else:
                assert now == was
    assert words > 500
    assert {n: v for n, v in before.items() if isinstance(v, int)} == {
        n: v for n, v in after.items() if isinstance(v, int)
    }


def test_nothing_on_the_board_reads_them():
    words = re.compile(r"\b(COL_TEXT|COL_REQUIREMENT|ITEM_TEXTS)\b(?! = )")
    readers = [
        path for path in FIRMWARE.rglob("*.py") if words.search(path.read_text(encoding="utf-8"))
    ]
    assert readers == []


def test_a_module_without_such_a_table_is_left_alone():
    source = (FIRMWARE / "pump/core/units.py").read_bytes()
    assert without_texts("pump/core/units.py", source) is source


@pytest.mark.parametrize(
    "source, complaint",
    [
        (b"OTHER = ()\n", "no table MESSAGES"),
        (b'MESSAGES = (\n    ("STOP", 1),\n)\n', "line 2: no text in column 5"),
        (b"MESSAGES = (\n    (1, 2, 3, 4, 5, 6),\n)\n", "line 2: no text in column 5"),
    ],
)
def test_a_table_that_has_changed_is_an_error(source, complaint):
    with pytest.raises(TextError, match=f"pump/protocol/messages.py: {complaint}"):
        without_texts("pump/protocol/messages.py", source)
