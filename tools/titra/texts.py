"""What tables say to people alone, left out of the board's copy of them.

A table of the firmware is the one place where a verb, an alarm or an item of the
self-test is defined, its words for documents and reports included.  The board never says
those words, and they would take 8 kB of its heap: `titra.compile` puts an empty text in
their place.
"""

from __future__ import annotations

import ast

# Of each table, the columns; of one whose rows are nothing but words, all of them.
_ALL = None
TABLES: dict[str, tuple[str, tuple[int, ...] | None]] = {
    "pump/core/alarm_conditions.py": ("ALARM_CONDITIONS", (7, 8)),
    "pump/core/self_test_items.py": ("ITEM_TEXTS", _ALL),
    "pump/protocol/messages.py": ("MESSAGES", (5,)),
}


class TextError(Exception):
    """A table is not where it was, or has other columns."""


def _table(name: str, tree: ast.Module, variable: str) -> ast.Tuple:
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        is_it = any(isinstance(target, ast.Name) and target.id == variable for target in targets)
        if is_it and isinstance(statement.value, ast.Tuple):
            return statement.value
    raise TextError(f"{name}: no table {variable}")


def without_texts(name: str, source: bytes) -> bytes:
    """``source`` of the firmware's file ``name`` as the board needs it, with as many lines.

    Raises ``TextError``.
    """
    if name not in TABLES:
        return source
    variable, columns = TABLES[name]
    rows = _table(name, ast.parse(source), variable).elts
    lines = source.split(b"\n")
    spans = []
    for row in rows:
        cells = row.elts if isinstance(row, ast.Tuple) else []
        for column in range(len(cells)) if columns is None else columns:
            cell = cells[column] if column < len(cells) else None
            if not isinstance(cell, ast.Constant) or not isinstance(cell.value, str):
                raise TextError(f"{name}: line {row.lineno}: no text in column {column}")
            spans.append(cell)
    # From the last to the first, so that places stay what they are; columns are in bytes.
    for cell in sorted(spans, key=lambda cell: (cell.lineno, cell.col_offset), reverse=True):
        first, last = cell.lineno - 1, (cell.end_lineno or cell.lineno) - 1
        head, tail = lines[first][: cell.col_offset], lines[last][cell.end_col_offset :]
        lines[first : last + 1] = [head + b'""' + tail] + [b""] * (last - first)
    return b"\n".join(lines)
