"""The command ``titra``: its subcommands, each imported only when it is used.

Exit codes: 0 done; 2 the input is wrong; 3 refused for safety; 4 an alarm
stopped the infusion; 5 no device or link lost; 1 anything else.
"""

from __future__ import annotations

import importlib
import json
import sys

import click

import pump

NOT_A_MEDICAL_DEVICE = "Bench and research device: not a medical device, never for use on people."

# name: (module with a click command called ``command``, help)
_COMMANDS = {
    "plan": ("titra.commands.plan", "Compile an order into a ladder, or say why not."),
    "library": ("titra.commands.library", "Check, show, compare and sign the drug library."),
    "course": ("titra.commands.course", "Show, review and export a course record."),
    "simulate": ("titra.commands.simulate", "Run an order on the simulated board."),
    "serve": ("titra.commands.serve", "Put the simulated board behind a serial line."),
    "replay": ("titra.commands.replay", "Run a trace again and compare."),
    "monitor": ("titra.commands.monitor", "Watch a board or a simulator."),
    "walk": ("titra.commands.walk", "Ten minutes with a bare Pico and jumpers."),
    "flash": ("titra.commands.flash", "Put the firmware on a board and verify it."),
    "calibrate": ("titra.commands.calibrate", "Measure volume per step and pressures."),
    "hil-compare": ("titra.commands.hil_compare", "What got slower from one HIL run to another."),
    "trumpet": ("titra.commands.trumpet", "Start-up and trumpet curves: how evenly it flows."),
    "hil": ("titra.commands.hil", "Test a board on the bench, with a report."),
    "log": ("titra.commands.log", "Read the event log and verify its chain."),
}


class _LazyGroup(click.Group):
    """Shows the help of every subcommand without importing any."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return importlib.import_module(_COMMANDS[cmd_name][0]).command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, help=f"Infusion-pump controller and bench.\n\n{NOT_A_MEDICAL_DEVICE}")
@click.version_option(pump.VERSION, prog_name="titra")
def titra() -> None:
    pass


def _document(reasons: list[str]) -> None:
    """With ``--json`` there is one document on standard output, whatever went wrong."""
    if "--json" in sys.argv[1:]:
        click.echo(json.dumps({"error": reasons}, indent=2))


def main() -> None:
    """Entry point: whatever goes wrong, one clear line and an exit code."""
    try:
        # Without its standalone mode click returns what ``ctx.exit`` was given.
        code = titra.main(prog_name="titra", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        _document([error.format_message()])
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        code = 130
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
        code = 1
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        click.echo(f"titra: {name}{error.strerror or error}", err=True)
        _document([f"{name}{error.strerror or error}"])
        code = 1
    sys.exit(code)
