"""Which device, which rig, and what becomes of what they measured.

``pytest hil_tests --dut sim``, or ``titra hil``.
"""

from __future__ import annotations

import importlib
import importlib.util
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from hil_tests.bench import dut as duts
from hil_tests.bench.bench import Bench
from hil_tests.bench.errors import BenchError
from hil_tests.bench.evidence import INTERRUPTED, Evidence, Measurement, plain_id
from hil_tests.bench.setting_up import Wanted, open_bench
from hil_tests.rates import FASTEST_UL_H, USUAL_UL_H
from host_sim.links import LinkError

EVIDENCE = pytest.StashKey[Evidence]()
MARKERS = (
    "hil: of this suite",
    "timing: measures a limit as a distribution",
    "needs_rig: wants the second Pico at the device's pins",
    'needs_wiring("GP2-GP5"): wants this jumper on a bare board',
    "needs(capability): the device must be made to do what not every one can",
    "slow: at the fastest rate, which a board takes two minutes to reach",
    "minutes: minutes of device time",
    "smoke: of the set that takes less than a minute",
    "soak: hours of device time; only when asked for by --soak or -m soak",
    "req(id, ...): the requirements that a test verifies",
)
REPEAT = {"sim": 100, "emulator": 12, "serial": 6}
# What is left out without --long, and why.
LEFT_OUT = {
    ("emulator", "minutes"): "minutes of a busy processor take hours to emulate: --long",
    ("serial", "minutes"): "minutes of device time: --long",
    ("serial", "slow"): "two minutes until each trial has its rate: --long",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("hil", "hardware in the loop")
    add = group.addoption
    add("--dut", choices=("sim", "emulator", "serial"), default="sim", help="what is tested")
    add("--port", default="auto", help="serial: auto, a path, sn:SERIAL, or a pyserial URL")
    add("--port-serial-number", metavar="SERIAL", help="serial: the board with this number")
    add("--baud", type=int, default=115_200, help="serial: of a UART bridge; USB ignores it")
    add("--uf2", metavar="FILE", help="emulator: MicroPython's image for the Pico")
    add("--files", metavar="FILE", help="emulator: a file system, instead of the tree's firmware")
    add("--key-file", metavar="FILE", help="the device key (or TITRA_KEY)")
    add("--skip-autoflash", action="store_true", help="serial: take the firmware that is on it")
    add("--rig-port", metavar="PORT", help="serial: where the rig is")
    add("--report", metavar="DIR", type=Path, help="where results.json goes")
    add("--smoke", action="store_true", help="only the set that takes less than a minute")
    add("--soak", metavar="HOURS", type=float, help="the soak too, for so long (6 by itself)")
    add("--long", action="store_true", help="what takes minutes each, on a board too")
    add("--repeat", metavar="N", type=int, help="trials of each timing test")
    add("--times", metavar="N", type=int, default=1, help="the timing set N times, by other seeds")
    add("--seed", metavar="N", type=int, default=1, help="of noise, and of the trials' moments")
    add("--in-place", action="store_true", help="trials one after the other, as on a board")
    add("--without-rig", action="store_true", help="what remains on a bare board")
    add("--leave-out", metavar="LAYERS", default="", help="sim: without credit, dead-man ...")
    add("--wired", metavar="LIST", default="", help="jumpers on a bare board: GP2-GP5")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.option.times < 1:
        raise pytest.UsageError(f"--times {config.option.times}: expected 1 or more")
    if config.option.times > 1 and config.option.repeat is None:
        config.option.repeat = 1
    config.stash[EVIDENCE] = Evidence(started=datetime.now(UTC).isoformat(timespec="seconds"))


HERE = Path(__file__).parent


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    times = metafunc.config.option.times
    if times > 1 and metafunc.definition.get_closest_marker("timing"):
        numbers = range(times)
        metafunc.parametrize("time", numbers, indirect=True, ids=[f"time{k}" for k in numbers])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    soak = config.option.soak is not None or "soak" in (config.option.markexpr or "")
    kept, dropped = [], []
    for item in items:
        if HERE not in item.path.parents:
            kept.append(item)
            continue
        item.add_marker(pytest.mark.hil)
        marks = {mark.name for mark in item.iter_markers()}
        left_out = ("soak" in marks and not soak) or (config.option.smoke and "smoke" not in marks)
        if left_out or (config.option.times > 1 and "timing" not in marks):
            dropped.append(item)
        else:
            kept.append(item)
            item.add_marker(pytest.mark.timeout(0))
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


@pytest.fixture(scope="session")
def evidence(request) -> Evidence:
    return request.config.stash[EVIDENCE]


@pytest.fixture(scope="session")
def the_bench(request, evidence):
    """Device, rig and client, booted; ends the run if they cannot be had."""
    wanted = Wanted.of(request.config.option)
    try:
        bench = open_bench(wanted)
        try:
            bench.connect()
        finally:
            evidence.dut = dict(bench.dut.about)
    except BenchError as error:
        _end(evidence, error)
    evidence.rig = dict(bench.rig_about)
    evidence.bench = wanted.shown()
    yield bench
    bench.dut.close()


@pytest.fixture(autouse=True)
def time(request) -> int:
    """Which of ``--times`` this is."""
    return getattr(request, "param", 0)


@pytest.fixture
def bench(request, the_bench: Bench, time: int) -> Bench:
    """The bench for one test: skipped with the reason if it cannot do what is needed."""
    item = request.node
    the_bench.begin(plain_id(item.nodeid), time)
    if item.get_closest_marker("needs_rig") and not the_bench.has_rig:
        pytest.skip("needs the rig: connect it and name it with --rig-port (docs/hil.md)")
    for mark in item.iter_markers("needs"):
        for capability in mark.args:
            if capability not in the_bench.dut.can:
                pytest.skip(duts.REASONS[capability])
    if not request.config.option.long:
        for mark in ("slow", "minutes"):
            reason = LEFT_OUT.get((the_bench.dut.kind, mark))
            if reason and item.get_closest_marker(mark):
                pytest.skip(reason)
    wired = request.config.option.wired.split(",")
    for mark in item.iter_markers("needs_wiring"):
        for jumper in mark.args:
            if jumper not in wired and "all" not in wired and the_bench.dut.kind == "serial":
                pytest.skip(
                    f"needs {jumper} joined: --wired {jumper}, or --wired all on a whole pump"
                )
    return the_bench


@pytest.fixture
def rate(request, the_bench: Bench) -> int:
    """uL/h of ``usual`` or ``fastest``."""
    return FASTEST_UL_H if request.param == "fastest" else USUAL_UL_H[the_bench.dut.kind]


@pytest.fixture
def n(request) -> int:
    """Trials of a timing test."""
    return request.config.option.repeat or REPEAT[request.config.option.dut]


@pytest.fixture
def record(request, evidence: Evidence, the_bench: Bench):
    """Keep a distribution and judge it: ``record(limit=, name=, unit=, bound=, goal=,
    values=, uncertainty=, segments=)``."""
    failed: list[str] = []

    def record(
        *,
        limit: str,
        name: str,
        values: list[float],
        bound: float | None,
        unit: str = "ms",
        goal: float | None = None,
        uncertainty: float | None = None,
        segments: dict[str, list[float]] | None = None,
    ) -> None:
        if uncertainty is None:
            uncertainty = the_bench.uncertainty_ms
        measurement = Measurement(
            limit, name, unit, bound, goal, uncertainty, list(values), segments or {},
            plain_id(request.node.nodeid),
        )  # fmt: skip
        evidence.add(measurement)
        if measurement.misses():
            failed.append(measurement.misses())
            pytest.fail("\n".join(failed), pytrace=False)

    return record


def _end(evidence: Evidence, error: BenchError) -> NoReturn:
    evidence.ended_early = str(error)
    pytest.exit(str(error), returncode=error.code)


@pytest.hookimpl(hookwrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function):
    """The bench going away ends the run, and is no test's failure."""
    outcome = yield
    error = outcome.excinfo[1] if outcome.excinfo else None
    if HERE not in pyfuncitem.path.parents:
        return
    if isinstance(error, LinkError):
        error = BenchError(f"link lost in mid-run: {error}", 5)
    if isinstance(error, BenchError):
        evidence = pyfuncitem.config.stash[EVIDENCE]
        evidence.ended_early = f"{pyfuncitem.name}: {error}"
        outcome.force_exception(pytest.exit.Exception(evidence.ended_early, error.code))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and report.outcome == "passed":
        return
    reason = ""
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
    elif report.skipped:
        reason = f"expected to fail: {report.wasxfail}"
    elif report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = (crash.message if crash else str(report.longrepr).strip()).splitlines()[0]
    requirements = sorted({r for mark in item.iter_markers("req") for r in mark.args})
    for requirement in requirements:
        item.user_properties.append(("requirement", requirement))
    item.config.stash[EVIDENCE].tests.append(
        {
            "id": item.nodeid,
            "outcome": report.outcome,
            "reason": reason,
            "requirements": requirements,
            "duration_s": round(report.duration, 3),
        }
    )


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    folder: Path | None = session.config.option.report
    if folder is None:
        return
    evidence = session.config.stash[EVIDENCE]
    if exitstatus == pytest.ExitCode.INTERRUPTED and not evidence.ended_early:
        evidence.ended_early = INTERRUPTED
    evidence.write(folder)
    # The tools make it readable, where they are installed; the suite does not need them.
    try:
        found = importlib.util.find_spec("titra.hil.report")
    except ModuleNotFoundError:
        found = None
    if found is not None:
        try:
            importlib.import_module("titra.hil.report").write(folder)
        except Exception as error:
            # What was measured is kept whatever becomes of the page.
            print(f"no report could be made of {folder / 'results.json'}: {error}")


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    rows = config.stash[EVIDENCE].measurements
    if not rows:
        return
    from hil_tests.bench.evidence import quantile

    terminalreporter.section("measured")
    for row in rows:
        if row.values:
            bound = "" if row.bound is None else f" <= {row.bound:g}"
            terminalreporter.line(
                f"{row.limit:4} {row.name:58.58} n {len(row.values):5} p50 "
                f"{quantile(row.values, 0.5):9.3f} p99 {quantile(row.values, 0.99):9.3f} "
                f"max {max(row.values):9.3f} +{row.uncertainty:.3f}{bound} {row.unit}"
            )
