"""A copy of the core in which every arithmetic result is measured.

MicroPython keeps integers of 31 bits off the heap.  ``load_core`` reads the
modules of ``pump.core``, wraps each operation of their source in a check, and
runs the result under another package name; the checked copy behaves as the
core does and raises ``TooLarge`` where a result would not fit.
"""

import ast
import sys
import types
from pathlib import Path

from pump import core

LEAST = -(1 << 30)
MOST = (1 << 30) - 1
PACKAGE = "core_with_small_ints"
FOLDER = Path(core.__file__).parent


class TooLarge(AssertionError):
    """A result beyond 31 bits, or one that is no integer at all."""


def fits(value, where: str):
    """``value``, if it is an integer that MicroPython keeps off the heap."""
    if not isinstance(value, int):
        raise TooLarge(f"{where}: {value!r} is no integer")
    if not LEAST <= value <= MOST:
        raise TooLarge(f"{where}: {value} does not fit 31 bits")
    return value


class _Wrap(ast.NodeTransformer):
    """``a + b`` becomes ``fits(a + b, "module:line")``; so does ``a += b``."""

    def __init__(self, module: str):
        self.module = module

    def wrap(self, node: ast.expr, text: str) -> ast.Call:
        where = ast.Constant(f"{self.module}:{node.lineno} {text}")
        return ast.copy_location(ast.Call(ast.Name("fits", ast.Load()), [node, where], []), node)

    def visit_BinOp(self, node: ast.BinOp):  # noqa: N802 - the name is ast's
        if isinstance(node.left, ast.List):
            return node  # [0] * n makes an array
        text = ast.unparse(node)
        self.generic_visit(node)
        return self.wrap(node, text)

    def visit_UnaryOp(self, node: ast.UnaryOp):  # noqa: N802
        text = ast.unparse(node)
        self.generic_visit(node)
        return node if isinstance(node.op, ast.Not) else self.wrap(node, text)

    def visit_AugAssign(self, node: ast.AugAssign):  # noqa: N802
        text = ast.unparse(node)
        self.generic_visit(node)
        before = ast.parse(ast.unparse(node.target), mode="eval").body
        after = ast.copy_location(ast.BinOp(before, node.op, node.value), node)
        return ast.copy_location(ast.Assign([node.target], self.wrap(after, text)), node)

    def visit_ImportFrom(self, node: ast.ImportFrom):  # noqa: N802
        if node.module and node.module.split(".")[:2] == ["pump", "core"]:
            node.module = ".".join([PACKAGE, *node.module.split(".")[2:]])
        return node


def load_core() -> types.SimpleNamespace:
    """The checked copy: ``load_core().controller.Controller`` and so on.

    Modules import each other, so each is made when it is first asked for.
    """
    loaded: dict[str, types.ModuleType] = {}

    def load(name: str) -> types.ModuleType:
        if name in loaded:
            return loaded[name]
        source = (FOLDER / f"{name}.py").read_text()
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and "pump.core" in node.module:
                needed = node.module.split(".")[2:] or [alias.name for alias in node.names]
                for other in needed:
                    load(other)
        module = types.ModuleType(f"{PACKAGE}.{name}")
        module.__dict__["fits"] = fits
        tree = ast.fix_missing_locations(_Wrap(name).visit(tree))
        sys.modules[module.__name__] = module
        setattr(package, name, module)
        exec(compile(tree, f"checked copy of {name}.py", "exec"), module.__dict__)
        loaded[name] = module
        return module

    package = types.ModuleType(PACKAGE)
    package.__path__ = []
    sys.modules[PACKAGE] = package
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem != "__init__":
            load(path.stem)
    return types.SimpleNamespace(**loaded)
