"""``titra hil``"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

from titra import exit_codes

_HELP = """Test a board at its pins and its line, and write a report that shows what was measured.

On the simulator by default; --dut emulator runs genuine MicroPython on an emulated RP2040 (give
its image by --uf2), --dut serial a board on a bench, by docs/hil.md.  What stands behind -- is
handed on to pytest.

Exit codes: 0 all passed; 1 a test failed; 2 the input is wrong; 5 no device, or it was lost.
"""
# Where the checkout is: the suite is part of it and not of an installation.
ROOT = Path(__file__).resolve().parents[3]
_PYTEST_FAILED = 1
_PYTEST_INTERRUPTED = 2
_PYTEST_USAGE = 4
_PYTEST_NOTHING = 5
_INTERRUPTED = 130


@click.command("hil", help=_HELP, context_settings={"ignore_unknown_options": True})
@click.option(
    "--dut", type=click.Choice(("sim", "emulator", "serial")), default="sim", show_default=True
)
@click.option("--port", default="auto", show_default=True, help="As everywhere; for serial.")
@click.option("--port-serial-number", metavar="SERIAL", help="The board with this USB number.")
@click.option("--baud", type=int, default=115_200, help="Of a UART bridge; USB ignores it.")
@click.option("--uf2", type=click.Path(dir_okay=False), metavar="FILE", help="MicroPython's image.")
@click.option("--key-file", type=click.Path(dir_okay=False), metavar="FILE", help="The device key.")
@click.option("--skip-autoflash", is_flag=True, help="Take the firmware that is on the board.")
@click.option("--rig-port", metavar="PORT", help="Where the rig is.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("out", "hil"),
    show_default=True,
    metavar="DIR",
)
@click.option("--smoke", is_flag=True, help="What takes less than a minute.")
@click.option("--soak", type=float, metavar="HOURS", help="The soak too, for so long.")
@click.option("--long", "is_long", is_flag=True, help="What takes minutes each, too.")
@click.option("--repeat", type=click.IntRange(1), metavar="N", help="Trials of a timing test.")
@click.option(
    "--times", type=click.IntRange(1), metavar="N", help="The timing set N times, by other seeds."
)
@click.option("--wired", metavar="LIST", help="Jumpers of a bare board, or all.")
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def command(ctx: click.Context, report: Path, rest: tuple[str, ...], **options) -> None:
    if not (ROOT / "hil_tests").is_dir() or importlib.util.find_spec("pytest") is None:
        raise click.ClickException("the suite runs from a checkout with its environment: make test")
    report.mkdir(parents=True, exist_ok=True)
    for old in ("results.json", "junit.xml"):
        (report / old).unlink(missing_ok=True)
    words = [
        sys.executable, "-m", "pytest", str(ROOT / "hil_tests"), f"--rootdir={ROOT}",
        "-p", "no:cacheprovider", f"--report={report.resolve()}",
        f"--junit-xml={report.resolve() / 'junit.xml'}", "-o", "junit_suite_name=titra-hil",
    ]  # fmt: skip
    options["long"] = options.pop("is_long")
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            words.append(option)
        elif value not in (None, False):
            words.append(f"{option}={value}")
    done = subprocess.run([*words, *rest], check=False)
    ctx.exit(_exit_code(done.returncode, report))


def _exit_code(code: int, report: Path) -> int:
    """Of the contract, from pytest's own, which share numbers with it: the suite ends a run
    early by the contract's, and says so in its results."""
    ended_early = ""
    results = report / "results.json"
    if results.is_file():
        import json

        from hil_tests.bench.evidence import INTERRUPTED

        ended_early = json.loads(results.read_text())["ended_early"]
        click.echo(f"report: {report}", err=True)
        if ended_early == INTERRUPTED:
            return _INTERRUPTED
    if code == 0 or ended_early:
        return code
    return {
        _PYTEST_INTERRUPTED: _INTERRUPTED,
        _PYTEST_USAGE: exit_codes.WRONG_INPUT,
        _PYTEST_NOTHING: exit_codes.WRONG_INPUT,
    }.get(code, 1)
