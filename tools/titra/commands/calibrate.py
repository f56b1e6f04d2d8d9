"""``titra calibrate``"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator

import click

from titra import exit_codes
from titra.options import key_option

_RESTART_S = 30.0


@click.group("calibrate", help="Measure a board's volume per step and its pressure sensors.")
def command() -> None:
    pass


def _common(function: Callable) -> Callable:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
        click.option("--yes", is_flag=True, help="Store without asking."),
        key_option,
        click.argument("port"),
    ):
        function = option(function)
    return function


@contextlib.contextmanager
def _ending(ctx: click.Context, as_json: bool) -> Iterator[None]:
    """What goes wrong, in one line and an exit code."""
    from host_sim.client import ReadBackError, Refused
    from host_sim.links import LinkError
    from titra.calibration import CalibrationError
    from titra.ports import PortError

    try:
        yield
        return
    except (PortError, LinkError) as error:
        why, code = str(error), exit_codes.NO_DEVICE
    except CalibrationError as error:
        why, code = str(error), exit_codes.WRONG_INPUT
    except Refused as error:
        why, code = str(error), exit_codes.REFUSED
    except ReadBackError as error:
        why, code = str(error), exit_codes.FAILED
    click.echo(f"titra calibrate: {why}", err=True)
    if as_json:
        click.echo(json.dumps({"error": [why]}, indent=2))
    ctx.exit(code)


@contextlib.contextmanager
def _client(port: str, key: bytes | None) -> Iterator:
    from host_sim.client import Client
    from host_sim.links import SerialLink
    from titra.ports import locate

    if key is None:
        raise click.UsageError("maintenance is needed: give the device key with --key-file")
    link = SerialLink(locate(port).url)
    try:
        client = Client(link, key, "maintenance")
        client.hello()
        yield client
    finally:
        link.close()


def _store(port: str, key: bytes | None, client, parts, lines, yes: bool, as_json: bool) -> None:
    """Show old and new, ask, store, and see it in force after the restart."""
    from host_sim.client import Client
    from host_sim.links import LinkError, SerialLink
    from titra.calibration import CalibrationError, is_in_force, store
    from titra.ports import PortError, locate

    for line in lines:
        click.echo(line, err=True)
    if not yes and not click.confirm("Store this on the board?", err=True):
        raise CalibrationError("nothing was stored")
    staged = store(client, parts)
    client.link.close()
    until = time.monotonic() + _RESTART_S
    while True:
        time.sleep(0.5)
        try:
            link = SerialLink(locate(port).url)
            try:
                again = Client(link, key, "maintenance")
                again.hello()
                stored = is_in_force(again, staged)
            finally:
                link.close()
        except (LinkError, PortError):
            stored = False
        if stored or time.monotonic() > until:
            break
    if not stored:
        raise LinkError(f"{port}: after the restart the board does not run on what was stored")
    if as_json:
        click.echo(json.dumps(staged, indent=2))
    else:
        click.echo("stored, and in force")


@command.command("show", help="What the board at PORT runs on.")
@_common
@click.pass_context
def show(ctx: click.Context, port: str, key: bytes | None, yes: bool, as_json: bool) -> None:
    from host_sim.client import Client
    from host_sim.links import SerialLink
    from titra.calibration import in_force
    from titra.ports import locate

    with _ending(ctx, as_json):
        link = SerialLink(locate(port).url)
        try:
            link.write(b"\n")
            found = in_force(Client(link, key=None))
        finally:
            link.close()
        if as_json:
            click.echo(json.dumps(found, indent=2))
        else:
            for name, value in found.items():
                click.echo(f"{name:12} {value}")


@command.command("reset", help="Nominal values again for everything.")
@_common
@click.pass_context
def reset(ctx: click.Context, port: str, key: bytes | None, yes: bool, as_json: bool) -> None:
    from pump.core.calibration import NOMINAL_ALL

    with _ending(ctx, as_json), _client(port, key) as client:
        lines = ["volume per step and both sensors become nominal"]
        _store(port, key, client, [(NOMINAL_ALL, 0, 0)], lines, yes, as_json)


@command.command("volume", help="Volume per step: deliver saline into a tared cup, and weigh it.")
@_common
@click.option("--ml", type=click.FloatRange(5, 500), default=20, show_default=True)
@click.option("--rate", type=click.FloatRange(10, 600), default=300, show_default=True,
              metavar="ML_H")  # fmt: skip
@click.option("--density", type=float, default=0.998, show_default=True, metavar="G_ML")
@click.option(
    "--weighed-g", type=float, help="Of the run that was made last; without it one is made."
)
@click.pass_context
def volume(
    ctx: click.Context,
    port: str,
    key: bytes | None,
    yes: bool,
    as_json: bool,
    ml: float,
    rate: float,
    density: float,
    weighed_g: float | None,
) -> None:
    from pump.core.calibration import VOLUME
    from titra.calibration import Step, dispense, in_force, last_run, step_volume
    from titra.progress import bar

    with _ending(ctx, as_json), _client(port, key) as client:
        old = Step(int(in_force(client)["step_ulh_ms"]), 0)
        if weighed_g is None:
            if not yes:
                click.echo("Saline, line primed, its end above a tared cup.", err=True)
                click.pause("Press a key to begin.", err=True)
            with bar(round(ml * 1000), not as_json) as progress:
                steps = dispense(client, ml, rate, progress)
            weighed_g = click.prompt("Weight in g", type=float, err=True)
        else:
            steps = last_run(client)
        if steps <= 0:
            raise click.UsageError("no run was made since the board started")
        new = step_volume(weighed_g, steps, density)
        lines = [
            f"{steps} steps, {weighed_g:g} g at {density:g} g/mL",
            f"old {old.steps_per_ml:.1f} steps/mL, new {new.steps_per_ml:.1f} "
            f"({100 * (new.step_ulh_ms / old.step_ulh_ms - 1):+.2f} % volume a step), "
            f"uncertain by {new.uncertainty_percent:.2f} %",
        ]
        _store(port, key, client, [(VOLUME, new.step_ulh_ms, 0)], lines, yes, as_json)


@command.command("pressure", help="Both sensors: at ambient pressure, and at a reference.")
@_common
@click.option("--reference-kpa", type=click.FloatRange(20, 150), required=True)
@click.option("--sensor", type=click.Choice(["down", "up", "both"]), default="both")
@click.pass_context
def pressure(
    ctx: click.Context,
    port: str,
    key: bytes | None,
    yes: bool,
    as_json: bool,
    reference_kpa: float,
    sensor: str,
) -> None:
    from pump.core.calibration import DOWN, UP
    from titra.calibration import counts, sensor_line

    with _ending(ctx, as_json), _client(port, key) as client:
        click.prompt("Open the sensors to the air, then Enter", default="", show_default=False,
                     err=True)  # fmt: skip
        low = counts(client)
        click.prompt(f"Put {reference_kpa:g} kPa on them, then Enter", default="",
                     show_default=False, err=True)  # fmt: skip
        high = counts(client)
        parts, lines = [], []
        for i, (part, name) in enumerate(((DOWN, "down"), (UP, "up"))):
            if sensor in (name, "both"):
                zero, gain = sensor_line(low[i], 0.0, high[i], reference_kpa)
                parts.append((part, zero, gain))
                lines.append(f"{name}: zero {zero / 16:.1f} counts, {gain / 64:.2f} Pa a count")
        _store(port, key, client, parts, lines, yes, as_json)
