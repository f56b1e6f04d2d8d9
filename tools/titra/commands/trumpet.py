"""``titra trumpet``"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from titra import exit_codes

if TYPE_CHECKING:
    from titra.flow_curves import FlowTest

_ORDER_RATE = "the order's highest rung"


class _Stopped(Exception):
    """Why there are no curves, in lines, and the exit code."""

    def __init__(self, exit_code: int, lines: list[str]):
        super().__init__("; ".join(lines))
        self.exit_code = exit_code
        self.lines = lines


@click.command(
    "trumpet",
    help="Start-up and trumpet curves at one rate: ORDER_OR_RATE in mL/h, or an order file, whose "
    "highest rung is taken.  With --balance what a pump delivers is weighed for two hours; else "
    "the firmware runs on the simulated board.  Writes trumpet.html and CSV.",
)
@click.argument("order_or_rate")
@click.option("--balance", metavar="PORT", help="A balance that speaks MT-SICS.")
@click.option("--baud", type=click.IntRange(300, 921_600), default=9600, show_default=True)
@click.option("--sim", is_flag=True, help="The simulated plant; so it is without --balance.")
@click.option("--rate-ml-h", type=float, help="Another rate than the order's.")
@click.option("--density", type=float, default=0.9982, show_default=True, help="g/mL of the fluid.")
@click.option("--evaporation", type=float, default=0.0, show_default=True, help="g/h that go.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--yes", is_flag=True, help="Begin to weigh at once: the pump is started now.")
@click.option("--out", type=click.Path(path_type=Path), help="out/trumpet unless given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.pass_context
def command(
    ctx: click.Context,
    order_or_rate: str,
    balance: str | None,
    baud: int,
    sim: bool,
    rate_ml_h: float | None,
    density: float,
    evaporation: float,
    seed: int,
    yes: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    if balance and sim:
        raise click.UsageError("--balance and --sim: expected one of them")
    if out and out.exists() and not out.is_dir():
        raise click.UsageError(f"--out: {out} is a file, expected a folder")
    try:
        rate_ul_h, source = _rate(order_or_rate, rate_ml_h)
        about = {"Rate from": source}
        if balance:
            test = _weighed(balance, baud, rate_ul_h, density, evaporation, yes, about)
        else:
            test = _simulated(rate_ul_h, seed, about, not as_json)
    except _Stopped as stopped:
        for line in stopped.lines:
            click.echo(f"titra trumpet: {line}", err=True)
        if as_json:
            click.echo(json.dumps({"error": stopped.lines}, indent=2))
        ctx.exit(stopped.exit_code)
    _tell(test, out or Path("out") / "trumpet", as_json)


def _rate(order_or_rate: str, rate_ml_h: float | None) -> tuple[int, str]:
    """uL/h, and where it comes from."""
    try:
        given = float(order_or_rate)
        source = "the command line"
    except ValueError:
        given, source = _order_rate(order_or_rate)
    if rate_ml_h is not None:
        given, source = rate_ml_h, "--rate-ml-h"
    if not 0.1 <= given <= 1200:
        raise _Stopped(exit_codes.WRONG_INPUT, [f"rate: {given:g} mL/h, expected 0.1 to 1200 mL/h"])
    return round(given * 1000), source


def _order_rate(path: str) -> tuple[float, str]:
    from titra.simulate import SimulateError, compile_order

    if not Path(path).exists():
        raise _Stopped(
            exit_codes.WRONG_INPUT, [f"{path}: neither a rate in mL/h nor a file that is there"]
        )
    try:
        spec = compile_order(path, 1, date.today(), (), 0)
    except SimulateError as error:
        raise _Stopped(error.exit_code, error.lines) from None
    return spec.program.rungs[-1][0] / 1000, f"{Path(path).name}, {_ORDER_RATE}"


def _simulated(rate_ul_h: int, seed: int, about: dict[str, str], show_progress: bool) -> FlowTest:
    from hil_tests.flow import curves, plant_run
    from titra.flow_curves import flow_test
    from titra.progress import bar

    minutes = curves.START_UP_MIN
    try:
        plant_run.program_for(rate_ul_h, minutes)
    except plant_run.PlantRunError as error:
        raise _Stopped(exit_codes.WRONG_INPUT, [str(error)]) from None
    try:
        with bar(minutes * 60, show_progress, "two hours") as advance:
            samples = plant_run.deliver(rate_ul_h, minutes, curves.SAMPLE_S, seed, advance)
    except plant_run.PlantRunError as error:
        raise _Stopped(exit_codes.FAILED, [str(error)]) from None
    about = {**about, "Measured on": "the simulated line", "Seed": str(seed)}
    return flow_test(rate_ul_h / 1000, samples, curves.VOLUME, 0.0, True, about)


def _weighed(
    port: str,
    baud: int,
    rate_ul_h: int,
    density: float,
    evaporation: float,
    yes: bool,
    about: dict[str, str],
) -> FlowTest:
    from hil_tests.flow.balance import Balance, BalanceError
    from hil_tests.flow.curves import Conditions, CurveError
    from titra.flow_curves import flow_test

    try:
        conditions = Conditions(density, evaporation)
    except CurveError as error:
        raise _Stopped(exit_codes.WRONG_INPUT, [str(error)]) from None
    try:
        with Balance(port, baud) as balance:
            about = {**about, "Balance": f"serial number {balance.serial_number}"}
            if not yes:
                click.prompt(
                    f"Line primed, its end under the fluid, {rate_ul_h / 1000:g} mL/h set: start "
                    f"the pump and press Enter",
                    default="",
                    show_default=False,
                    err=True,
                )
            readings = weigh(balance, time.sleep, time.monotonic)
    except BalanceError as error:
        raise _Stopped(exit_codes.NO_DEVICE, [str(error)]) from None
    points = [(reading.t_s, reading.grams) for reading in readings]
    digit = readings[0].readability_g
    try:
        return flow_test(rate_ul_h / 1000, points, conditions, digit, False, about)
    except CurveError as error:
        raise _Stopped(exit_codes.FAILED, [str(error)]) from None


def weigh(balance, sleep: Callable[[float], None], now: Callable[[], float]) -> list:
    """Readings of two hours with a progress bar."""
    from hil_tests.flow import curves
    from hil_tests.flow.balance import record
    from titra.progress import bar

    minutes = curves.START_UP_MIN
    with bar(minutes * 60, True, "two hours") as advance:
        return record(balance, minutes, curves.SAMPLE_S, sleep, now, advance)


def _tell(test: FlowTest, out: Path, as_json: bool) -> None:
    from titra.flow_curves import write

    page = write(test, out)
    if as_json:
        click.echo(json.dumps({**test.document(), "report": str(page)}, indent=2))
        return
    click.echo(f"rate        {test.rate_ml_h:g} mL/h")
    click.echo(f"A           {test.trumpet.overall_percent:+.2f} % over the second hour")
    for row in test.trumpet.windows:
        click.echo(
            f"{row.window_min:>3} min     {row.min_percent:+.2f} to {row.max_percent:+.2f} %"
        )
    click.echo(f"report      {page}")
