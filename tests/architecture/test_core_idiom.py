"""The idiom of the pure rooms: integers, no allocation in a step, nothing of CPython alone.

Read from the source of ``pump.core`` and ``pump.protocol``.  Each rule first
convicts a line that breaks it, then acquits the firmware.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pump

FIRMWARE = Path(pump.__file__).parent.parent
PURE = sorted(
    path
    for room in ("core", "guard", "protocol")
    for path in (FIRMWARE / "pump" / room).glob("*.py")
)
# What else may be imported: numbers of fixed size, made once and then changed in place.
OTHER_IMPORTS = {
    "array": {"array"},
    "micropython": {"const"},
    "hashlib": {"sha256"},
    "struct": {"pack_into"},
}
# Functions that may build a container, with the reason.
BUILDERS = {
    "__init__": "construction",
    "make_transition_map": "once, from Controller.__init__",
    "table_checksum": "once, from Session.__init__",
    "_packable": "on CPython alone, whose pack_into takes no memoryview",
}
ALLOCATING_CALLS = frozenset(
    [
        "enumerate",
        "divmod",
        "zip",
        "sorted",
        "reversed",
        "list",
        "dict",
        "set",
        "tuple",
        "map",
        "filter",
    ]
)
CALLS_FOR_BUILDERS = frozenset(["array", "bytearray", "bytes", "memoryview", "str"])

Finding = tuple[int, str]
Rule = Callable[[ast.Module], Iterator[Finding]]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def called(node: ast.AST) -> str:
    """Name of the function that a node calls, if it is a call of a name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def inside_functions(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Every node of every function's body, with the function's name."""
    for function in functions(tree):
        for statement in function.body:
            for node in ast.walk(statement):
                yield function.name, node


def no_float(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            yield node.lineno, f"float literal {node.value}"
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            yield node.lineno, "true division"
        elif isinstance(node, ast.Name) and node.id == "float":
            yield node.lineno, "float"


def no_hidden_allocation(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.JoinedStr, ast.FormattedValue)):
            yield node.lineno, "f-string"
        elif isinstance(node, ast.Lambda):
            yield node.lineno, "lambda"
        elif isinstance(node, (ast.Yield, ast.YieldFrom, ast.AsyncFunctionDef)):
            yield node.lineno, "generator"
        elif called(node) in ALLOCATING_CALLS:
            yield node.lineno, f"{called(node)}()"
        if isinstance(node, ast.Starred) or isinstance(node, ast.keyword) and node.arg is None:
            yield node.lineno, "* or ** in a call"
    for function in functions(tree):
        if function.args.vararg or function.args.kwarg:
            yield function.lineno, f"*args or **kwargs of {function.name}"
    for name, node in inside_functions(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.lineno, f"closure in {name}"


def no_exception(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Raise, ast.Try, ast.With)):
            yield node.lineno, type(node).__name__.lower()
        elif isinstance(node, ast.Assert):
            yield node.lineno, "assert"


def no_container(tree: ast.Module) -> Iterator[Finding]:
    """Displays, comprehensions and slices inside of functions."""
    kinds = (
        ast.List,
        ast.Dict,
        ast.Set,
        ast.Tuple,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
        ast.GeneratorExp,
    )
    for name, node in inside_functions(tree):
        if isinstance(node, ast.Slice):
            yield node.lineno, f"slice in {name}"
        elif name not in BUILDERS and isinstance(node, kinds):
            yield node.lineno, f"{type(node).__name__} in {name}"
        elif name not in BUILDERS and called(node) in CALLS_FOR_BUILDERS:
            yield node.lineno, f"{called(node)}() in {name}"


def only_known_imports(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield node.lineno, f"import {node.names[0].name}"
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.split(".")[0] == "pump":
                if module.split(".")[:2] not in (["pump", "core"], ["pump", "protocol"]):
                    yield node.lineno, f"from {module}"
            else:
                allowed = OTHER_IMPORTS.get(module, set())
                for alias in node.names:
                    if alias.name not in allowed:
                        yield node.lineno, f"from {module} import {alias.name}"


def no_private_constant_of_another(tree: ast.Module) -> Iterator[Finding]:
    """``_X = const(...)`` does not exist outside of its module on MicroPython."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name.startswith("_"):
                    yield node.lineno, f"{alias.name} of {node.module}"
        elif (
            isinstance(node, ast.Attribute)
            and node.attr.startswith("_")
            and isinstance(node.value, ast.Name)
            and node.value.id in _imported(tree)
        ):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def const_of_literals(tree: ast.Module) -> Iterator[Finding]:
    """MicroPython folds ``const`` of literals and of the module's own constants."""
    own = {
        target.id
        for statement in tree.body
        if isinstance(statement, ast.Assign) and called(statement.value) == "const"
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    foldable = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Load)
    for node in ast.walk(tree):
        if called(node) == "const":
            for inner in ast.walk(node.args[0]):
                if not isinstance(inner, foldable) and getattr(inner, "id", "") not in own:
                    yield node.lineno, f"const({ast.unparse(node.args[0])})"
                    break


def constants_are_not_rebound(tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            yield node.lineno, "global"


def _imported(tree: ast.Module) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }


# (requirement, rule, lines that break it)
RULES = [
    ("L8", no_float, ["x = 0.5", "x = a / b", "a /= 2", "x = float(3)", "x = 1e3"]),
    (
        "L23",
        no_hidden_allocation,
        [
            "x = f'{a}'",
            "x = lambda: 1",
            "for i, x in enumerate(y): pass",
            "x = divmod(a, b)",
            "x = zip(a, b)",
            "def f(*a): pass",
            "def f(**a): pass",
            "f(*a)",
            "f(**a)",
            "def f():\n def g(): pass",
            "def f():\n yield 1",
        ],
    ),
    (
        "L23",
        no_exception,
        ["assert x", "raise ValueError", "try:\n f()\nexcept E:\n pass", "with f(): pass"],
    ),
    (
        "L23",
        no_container,
        [
            "def f(): return [1]",
            "def f(): return (a, b)",
            "def f(): return {1: 2}",
            "def f(): return {1, 2}",
            "def f(): return [i for i in a]",
            "def f():\n for i in (a, b): pass",
            "def f(): return a[1:2]",
            "def __init__(self): return a[1:2]",
            "def f(): return bytearray(4)",
            "def f(): a, b = b, a",
        ],
    ),
    (
        "L23",
        only_known_imports,
        [
            "import time",
            "from time import ticks_us",
            "from machine import Pin",
            "from pump.hal import stepper",
            "from pump.app import application",
            "from pump import VERSION",
            "from micropython import heap_lock",
            "import array",
        ],
    ),
    (
        "L23",
        no_private_constant_of_another,
        ["from pump.core.limits import _X", "from pump.core import limits\nx = limits._X"],
    ),
    (
        "L23",
        const_of_literals,
        ["A = const(limits.X)", "A = const(f(1))", "A = const(B)", "A = const(1 << limits.X)"],
    ),
    ("L23", constants_are_not_rebound, ["def f():\n global X\n X = 1"]),
]
BREAKS = [pytest.param(rule, line, id=line) for _, rule, lines in RULES for line in lines]
KEPT = [pytest.param(rule, id=rule.__name__, marks=pytest.mark.req(r)) for r, rule, _ in RULES]


@pytest.mark.req("L23")
@pytest.mark.parametrize(("rule", "source"), BREAKS)
def test_a_rule_convicts_a_line_that_breaks_it(rule, source):
    assert list(rule(ast.parse(source)))


@pytest.mark.parametrize("path", PURE, ids=lambda path: f"{path.parent.name}.{path.stem}")
@pytest.mark.parametrize("rule", KEPT)
def test_the_pure_rooms_keep_the_idiom(rule, path):
    found = [f"{path.name}:{line}: {what}" for line, what in rule(ast.parse(path.read_text()))]
    assert found == []


@pytest.mark.req("L23")
def test_the_pure_rooms_were_found():
    names = {path.stem for path in PURE}
    assert {"controller", "volume", "interlocks", "framing", "messages", "session"} <= names
    assert "guard" in names
    assert len(PURE) >= 20


def test_the_core_knows_nothing_of_the_protocol():
    for path in (FIRMWARE / "pump" / "core").glob("*.py"):
        assert "pump.protocol" not in path.read_text(), path.name


@pytest.mark.req("L23")
def test_each_builder_is_a_function_that_exists():
    defined = {f.name for path in PURE for f in functions(ast.parse(path.read_text()))}
    assert set(BUILDERS) <= defined


def asks_where_it_runs(source: str) -> bool:
    """Whether a program looks at its interpreter, or for the simulator."""
    asking = {"platform", "implementation"}
    for node in ast.walk(ast.parse(source)):
        names = {getattr(node, "attr", ""), getattr(node, "module", "") or ""}
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
        if names & asking or any(name.startswith("host_sim") for name in names):
            return True
    return False


@pytest.mark.req("M21")
@pytest.mark.parametrize(
    "source",
    [
        "import sys\nx = sys.platform",
        "x = sys.implementation.name",
        "import platform",
        "from sys import implementation",
        "import host_sim",
        "from host_sim.board import Board",
        "__import__('host_sim')",
    ],
)
def test_asking_where_it_runs_would_be_found(source):
    assert asks_where_it_runs(source)


@pytest.mark.parametrize(
    "path",
    sorted(FIRMWARE.rglob("*.py")),
    ids=lambda path: str(path.relative_to(FIRMWARE)),
)
@pytest.mark.req("M21")
def test_the_firmware_does_not_know_whether_it_is_simulated(path):
    assert not asks_where_it_runs(path.read_text())
