"""A live view of a pump over its serial line, which only listens and asks."""

from __future__ import annotations

import sys
from collections import deque

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from host_sim.client import Client, Pushed
from host_sim.links import Link, LinkError
from pump.core import alarm_conditions as ac
from titra.cli import NOT_A_MEDICAL_DEVICE
from titra.display_picture import braille, dots_of_text

# Telemetry comes every second; a device silent for longer is asked.
_SILENT_S = 3.0
_EVENTS_SHOWN = 8
# Of SCREEN?, in the order of the firmware's rows.
SCREEN_ROWS = ("head", "rate", "rung_word", "rung", "unit", "upper", "lower")
_STYLES = {
    "INFUSING": "bold green",
    "RUNG_HELD": "bold green",
    "KVO": "green",
    "COMPLETE": "bold blue",
    "ALARM_STOPPED": "bold white on red",
    "STOPPED": "bold red",
    "FAULT": "bold white on red",
    "BACK_OFF": "bold white on red",
    "HOLD": "bold yellow",
    "PAUSED": "bold yellow",
}


class View:
    """What is known of the pump, and how it looks."""

    def __init__(self, port: str, identity: list[str]):
        self.port = port
        self.identity = identity
        self.status: dict[str, str] = {}
        self.telemetry: dict[str, str] = {}
        self.said: dict[str, dict[str, str]] = {}  # answers by query
        self.events: deque[str] = deque(maxlen=_EVENTS_SHOWN)
        self.gaps = 0
        self._count: int | None = None

    def hear(self, pushed: Pushed) -> None:
        """Take in a line that the device sent by itself."""
        count = int(pushed.fields["count"])
        if self._count is not None and count != (self._count + 1) % 100_000:
            self.gaps += 1
        self._count = count
        fields = pushed.fields
        clock = _clock(pushed.time_us)
        if pushed.mark == "!T":
            self.telemetry = fields
        elif pushed.mark == "!S":
            self.events.append(f"{clock}  {fields['from']} -> {fields['to']}")
        elif pushed.mark == "!Q":
            self.events.append(
                f"{clock}  question {fields['question']}: {fields['kind']} from rung "
                f"{fields['rung']}"
            )
        elif pushed.mark == "!A":
            self.events.append(
                f"{clock}  {fields['change']} {fields['condition']} ({fields['priority']})"
            )
        elif pushed.mark == "!B":
            self.events.append(f"{clock}  booted, version {fields['version']}")

    def render(self) -> Panel:
        """The whole screen."""
        t, s = self.telemetry, self.status
        state = t.get("state", s.get("state", "?"))
        rung, rungs = int(t.get("rung", s.get("rung", 0))), int(s.get("rungs", 0))
        rate = int(t.get("rate_ul_h", s.get("rate_ul_h", 0))) / 1000
        delivered = int(t.get("delivered_ul", s.get("delivered_ul", 0))) / 1000
        ordered = int(s.get("vtbi_ul", 0)) / 1000
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", justify="right")
        table.add_column()
        table.add_row("state", Text(f" {state} ", style=_STYLES.get(state, "bold")))
        alarms = alarm_names(int(t.get("alarms", s.get("alarms", 0))))
        table.add_row(
            "alarms", Text(", ".join(alarms), style="bold red") if alarms else Text("none")
        )
        if self.said.get("ALARMS?", {}).get("needs_supervisor") == "1":
            table.add_row("", Text("only a supervisor can reset this", style="bold red"))
        test = self.said.get("POST?", {})
        if test and test["result"] != "PASSED":
            words = test["result"].lower()
            table.add_row("self-test", Text(f"{words} at {test['item']}", style="bold yellow"))
        if rungs:
            table.add_row("rung", f"{rung + 1} of {rungs}")
        table.add_row("rate", f"{rate:.1f} mL/h")
        table.add_row("delivered", f"{delivered:.2f} of {ordered:.2f} mL")
        if ordered:
            table.add_row("", ProgressBar(total=ordered, completed=delivered, width=40))
        if t:
            down, up = int(t["down_pa"]) / 1000, int(t["up_pa"]) / 1000
            table.add_row("pressure", f"{down:.1f} kPa below, {up:.1f} kPa above the pump")
        question = int(t.get("question", 0))
        if question:
            table.add_row("question", Text(f"{question} is open", style="bold yellow"))
        table.add_row("line", f"{s.get('refused', '?')} refused, {self.gaps} gaps")
        role = self.said.get("ROLE?", {})
        if role:
            locked = f", log-in locked for {role['locked_s']} s" if role["locked_s"] != "0" else ""
            table.add_row("logged in", f"{role['role'].lower()}{locked}")
        parts: list[RenderableType] = [table]
        shown = self.said.get("SCREEN?", {})
        if shown.get("fitted") == "1":
            dots = dots_of_text([shown[name] for name in SCREEN_ROWS])
            parts += [Text(), Text("\n".join(braille(dots)), style="bright_cyan on black")]
        if self.events:
            parts += [Text(), Text("\n".join(self.events), style="dim")]
        maker, board, serial, version = (self.identity + [""] * 4)[:4]
        return Panel(
            Group(*parts),
            title=f"{maker} {version} on {board} sn:{serial} at {self.port}",
            subtitle=NOT_A_MEDICAL_DEVICE,
        )


def alarm_names(mask: int) -> list[str]:
    """Names of the conditions in ``mask``, most urgent first."""
    rows = [row for row in ac.ALARM_CONDITIONS if mask >> row[0] & 1]
    rows.sort(key=lambda row: -row[ac.COL_PRIORITY])
    return [row[ac.COL_NAME] for row in rows]


def watch(link: Link, port: str, once: bool, key: bytes | None = None) -> None:
    """Show the pump at ``link`` until it is interrupted; with a ``key``, logged in.

    Raises ``LinkError`` when the device does not answer any more, ``Refused`` if it
    does not take the key.
    """
    client = Client(link, key)  # asks, and changes nothing
    link.write(b"\n")
    if key is not None:
        client.hello()
    view = View(port, client.query("*IDN?"))
    _ask(client, view)
    console = Console()
    if once or not sys.stdout.isatty():
        if once:
            client.receive(1.5)
            _take(client, view)
            console.print(view.render())
            return
        _print_lines(client, view, console)
        return
    with Live(view.render(), console=console, screen=True, refresh_per_second=4) as live:
        while True:
            _listen(client, view)
            live.update(view.render())


def _print_lines(client: Client, view: View, console: Console) -> None:
    """Not a terminal: a line of telemetry a second, events as they come."""
    shown = 0
    while True:
        _listen(client, view)
        for event in list(view.events)[shown:]:
            console.print(event)
        shown = len(view.events)
        if view.telemetry:
            t = view.telemetry
            console.print(
                f"{t['time']} {t['state']} rung {t['rung']} {int(t['rate_ul_h']) / 1000:.1f} mL/h "
                f"{int(t['delivered_ul']) / 1000:.2f} mL"
            )


def _listen(client: Client, view: View) -> None:
    """A second of the device's own lines, then its status."""
    until = client.link.now() + 1.0
    while (left := until - client.link.now()) > 0:
        client.receive(left)
        _take(client, view)
    try:
        _ask(client, view)
    except LinkError as error:
        raise LinkError(f"link lost: {error}") from None


def _ask(client: Client, view: View) -> None:
    view.status = client.query_fields("STATUS?", timeout_s=_SILENT_S)
    for verb in ("ROLE?", "POST?", "ALARMS?", "SCREEN?"):
        view.said[verb] = client.query_fields(verb, timeout_s=_SILENT_S)


def _take(client: Client, view: View) -> None:
    while client.pushed:
        view.hear(client.pushed.popleft())


def _clock(us: int) -> str:
    seconds = us // 1_000_000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
