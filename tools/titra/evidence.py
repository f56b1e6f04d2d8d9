"""What names a requirement: tests by their markers, firmware by its comments.

Nothing is imported and nothing is run: tests are read as syntax trees, so that the matrix
is the same on a machine without the board's tools.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

_ID = re.compile(r"\b[MLF][1-9][0-9]?\b")
# What a table holds for a marker made from it: an id alone, or before other words.
_ID_FIRST = re.compile(r"[MLF][1-9][0-9]?(?!\S)")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Claim:
    """A test says which requirements it verifies."""

    path: str
    name: str
    ids: frozenset[str]

    def __str__(self) -> str:
        return f"{self.path}::{self.name}"


def claims_in(root: Path, folder: str) -> list[Claim]:
    """Every test below ``folder``, with the ids of its markers, in order of path and line."""
    claims: list[Claim] = []
    for path in sorted((root / folder).rglob("test_*.py")):
        if "node_modules" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(root).as_posix()
        claims += [Claim(name, test, frozenset(ids)) for test, ids in _Module(tree).tests()]
    return claims


def names_in(path: Path) -> set[str]:
    """What a Python file defines: functions, classes, constants; methods as ``Class.method``
    and ``Class::method``."""
    found: set[str] = set()

    def walk(body: list[ast.stmt], prefixes: tuple[str, ...]) -> None:
        for node in body:
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                found.update(prefix + node.name for prefix in prefixes)
            if isinstance(node, ast.ClassDef):
                walk(node.body, (f"{node.name}.", f"{node.name}::"))
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        found.update(prefix + target.id for prefix in prefixes)

    walk(ast.parse(path.read_text(encoding="utf-8")).body, ("",))
    return found


def citations_in(root: Path, folder: str) -> dict[str, set[str]]:
    """Id to the files below ``folder`` that name it in a comment or a string."""
    cited: dict[str, set[str]] = defaultdict(set)
    for path in sorted((root / folder).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                for found in _ID.findall(token.string):
                    cited[found].add(path.relative_to(root).as_posix())
    return dict(cited)


class _Module:
    """One test file.

    A marker may be made from a table (``req(row[0])``): then it stands for every id in the
    table that its expression leads to.  A test takes over the markers of what its decorators
    and fixtures are made of.
    """

    def __init__(self, tree: ast.Module):
        self._tree = tree
        self._made: dict[str, ast.stmt] = {}
        for node in tree.body:
            if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
                self._made[node.name] = node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self._made[target.id] = node

    def tests(self) -> Iterator[tuple[str, set[str]]]:
        yield from self._tests(self._tree.body, "", self._of_all(self._tree.body))

    def _tests(
        self, body: list[ast.stmt], prefix: str, inherited: set[str]
    ) -> Iterator[tuple[str, set[str]]]:
        for node in body:
            if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
                ids = inherited | self._of_decorators(node) | self._of_all(node.body)
                methods = list(self._tests(node.body, f"{prefix}{node.name}::", ids))
                # A class that only inherits its tests is one.
                yield from methods or [(prefix + node.name, ids)]
            elif isinstance(node, _FUNCTIONS) and node.name.startswith("test"):
                fixtures = (argument.arg for argument in node.args.args)
                ids = inherited | self._of_decorators(node)
                for fixture in fixtures:
                    ids |= self._of_name(fixture, set())
                yield prefix + node.name, ids

    def _of_all(self, body: list[ast.stmt]) -> set[str]:
        """Ids of a ``pytestmark``."""
        ids: set[str] = set()
        for node in body:
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "pytestmark"
                for target in node.targets
            ):
                ids |= self._of_node(node, set())
        return ids

    def _of_decorators(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> set[str]:
        ids: set[str] = set()
        for decorator in node.decorator_list:
            ids |= self._of_node(decorator, set())
            for name in _names(decorator):
                ids |= self._of_name(name, set())
        return ids

    def _of_name(self, name: str, seen: set[str]) -> set[str]:
        """Ids of the markers in what ``name`` is, and in what that is made of."""
        node = self._made.get(name)
        if node is None or name in seen or name.startswith("test"):
            return set()
        seen.add(name)
        ids = self._of_node(node, seen)
        # What a fixture or a helper is made of stands in its decorators; what a table is
        # made of, anywhere in it.
        parts = node.decorator_list if isinstance(node, _FUNCTIONS) else [node]
        for part in parts:
            for further in _names(part):
                ids |= self._of_name(further, seen)
        return ids

    def _of_node(self, node: ast.AST, seen: set[str]) -> set[str]:
        """Ids of the markers that stand in ``node`` itself."""
        ids: set[str] = set()
        for call in ast.walk(node):
            if not _is_marker(call):
                continue
            for argument in call.args:
                if isinstance(argument, ast.Constant):
                    ids.add(str(argument.value))
                else:
                    tables = _names(argument) | _names_of_loops(node)
                    ids |= set().union(*(self._table(name, set()) for name in tables))
        return ids

    def _table(self, name: str, seen: set[str]) -> set[str]:
        node = self._made.get(name)
        if not isinstance(node, ast.Assign) or name in seen:
            return set()
        seen.add(name)
        ids = set()
        for part in ast.walk(node.value):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                match = _ID_FIRST.match(part.value)
                if match:
                    ids.add(match.group())
            elif isinstance(part, ast.Name):
                ids |= self._table(part.id, seen)
        return ids


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _names_of_loops(node: ast.AST) -> set[str]:
    """Names that the comprehensions in ``node`` run over."""
    return set().union(
        *(_names(part.iter) for part in ast.walk(node) if isinstance(part, ast.comprehension))
    )


def _is_marker(node: ast.AST) -> TypeGuard[ast.Call]:
    """``pytest.mark.req(...)`` or ``mark.req(...)``."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "req"
        and ast.unparse(node.func.value) in ("pytest.mark", "mark")
    )
