"""Integers in place of the names of constants, before a module is compiled.

mpy-cross puts the value of a ``const`` in only where it was defined in the same
module and its name begins with an underscore.  ``limits.TICK_MS`` in another module
costs two lookups each time, 3 us on an RP2040; a tick has some two hundred of them.
Only what is read is replaced, and only what can be worked out from the text alone;
every name is defined as before.
"""

from __future__ import annotations

import ast
import operator
from collections import Counter

_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
# Beyond this an integer lies on the heap of the board, made anew at each use.
_SMALL = 1 << 30


class _Module:
    """What the text of one module says of its names."""

    def __init__(self, name: str, source: str):
        self.name = name
        self.lines = source.split("\n")
        self.tree = ast.parse(source)
        self.constants: dict[str, int] = {}
        self.modules: dict[str, str] = {}  # local name -> module it stands for
        self.taken: dict[str, tuple[str, str]] = {}  # local name -> module, name there
        self.rebound = _bound_more_than_once(self.tree)


def _bound_more_than_once(tree: ast.Module) -> set[str]:
    """Names that have more than one binding anywhere in the module: what such a name
    stands for depends on where it is read."""
    bound: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            bound.append(node.id)
        elif isinstance(node, ast.arg):
            bound.append(node.arg)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.extend(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name:
            bound.append(node.name)
    return {name for name, times in Counter(bound).items() if times > 1}


def _read_imports(module: _Module, names: dict[str, _Module]) -> None:
    for statement in module.tree.body:
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.asname and alias.name in names:
                    module.modules[alias.asname] = alias.name
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            for alias in statement.names:
                local = alias.asname or alias.name
                whole = f"{statement.module}.{alias.name}"
                if whole in names:
                    module.modules[local] = whole
                elif statement.module in names:
                    module.taken[local] = (statement.module, alias.name)


class _Values:
    """The values of names, worked out when they are asked for."""

    def __init__(self, modules: dict[str, _Module]):
        self.modules = modules
        self._known: dict[tuple[str, str], int | None] = {}

    def of_name(self, module: _Module, name: str) -> int | None:
        if name in module.rebound:
            return None
        if name in module.taken:
            other, there = module.taken[name]
            return self.of_name(self.modules[other], there)
        key = (module.name, name)
        if key not in self._known:
            self._known[key] = None  # one that needs itself has no value
            for statement in module.tree.body:
                if isinstance(statement, ast.Assign) and any(
                    isinstance(target, ast.Name) and target.id == name
                    for target in statement.targets
                ):
                    self._known[key] = self.of(module, statement.value)
        return self._known[key]

    def of(self, module: _Module, node: ast.expr) -> int | None:
        """The integer that ``node`` is, or None."""
        if isinstance(node, ast.Constant):
            return node.value if type(node.value) is int else None
        if isinstance(node, ast.Name):
            return self.of_name(module, node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            other = module.modules.get(node.value.id)
            if other is None or node.value.id in module.rebound:
                return None
            return self.of_name(self.modules[other], node.attr)
        if isinstance(node, ast.UnaryOp):
            value = self.of(module, node.operand)
            if value is None:
                return None
            if isinstance(node.op, ast.USub):
                return -value
            return ~value if isinstance(node.op, ast.Invert) else None
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            left = self.of(module, node.left)
            right = self.of(module, node.right)
            if left is None or right is None:
                return None
            return _OPERATORS[type(node.op)](left, right)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "const"
            and len(node.args) == 1
        ):
            return self.of(module, node.args[0])
        return None


def _places(module: _Module, values: _Values) -> list[tuple[int, int, int, str]]:
    """Line, first and last column, and the digits to put there."""
    found = []
    defined = {
        id(target)
        for statement in module.tree.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
    }

    def visit(node: ast.AST) -> None:
        if (
            isinstance(node, ast.BinOp | ast.UnaryOp | ast.Name | ast.Attribute)
            and id(node) not in defined
            and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
            and node.lineno == node.end_lineno
        ):
            value = values.of(module, node)
            if value is not None and -_SMALL <= value < _SMALL:
                digits = str(value) if value >= 0 else f"({value})"
                found.append((node.lineno, node.col_offset, node.end_col_offset or 0, digits))
                return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(module.tree)
    return found


def fold_constants(sources: dict[str, bytes]) -> dict[str, bytes]:
    """``sources``, by path below the firmware's folder, with every use of a constant
    integer replaced by its value.  Lines stay where they are."""
    modules = {}
    for path, source in sources.items():
        name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        modules[name] = _Module(name, source.decode())
    for module in modules.values():
        _read_imports(module, modules)
    values = _Values(modules)
    folded = {}
    for (path, _), module in zip(sources.items(), modules.values(), strict=True):
        lines = [line.encode() for line in module.lines]
        for number, first, last, digits in sorted(_places(module, values), reverse=True):
            line = lines[number - 1]
            lines[number - 1] = line[:first] + digits.encode() + line[last:]
        folded[path] = b"\n".join(lines)
    return folded
