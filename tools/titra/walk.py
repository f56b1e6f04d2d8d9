"""The walk of ``docs/bench.md``: a Pico with jumpers delivers, and raises alarms.

Only on a board that says it runs on stand-ins: never on a pump.
"""

from __future__ import annotations

from collections.abc import Callable

from host_sim.client import Client, Program
from pump.core import alarm_conditions as ac

# 3 mL at 120 mL/h: 213 steps a second after 12 s of slew, and an end after two minutes.
ORDER = Program(
    vtbi_ul=3000,
    dose_mg=300,
    concentration_mg_ml=100,
    weight_g=70_000,
    cap_ul_h=120_000,
    rungs=((120_000, 600),),
    slew_ul_h_s=10_000,
)
_LOOK_S = 1.0
_ON_STAND_INS = "1"
_WHY_NOT = {
    "0": "this board is not in the bench configuration; see `titra flash --bench`",
    "2": "parts of a pump answer on this board, or USB does not power it: no stand-ins",
}
_LEFT = ("COMPLETE", "FAULT")


class NotABench(Exception):
    """The board does not run on stand-ins; the message says why."""


def conditions(mask: int) -> list[str]:
    """Names of the alarm conditions in ``mask``."""
    return [row[ac.COL_NAME] for i, row in enumerate(ac.ALARM_CONDITIONS) if mask >> i & 1]


def prepare(client: Client) -> None:
    """Log in, look what board it is, load the order.  Raises ``NotABench``, and
    ``Refused`` with the board's own reason."""
    client.hello()
    bench = client.query_fields("FITTED?")["bench"]
    if bench != _ON_STAND_INS:
        raise NotABench(_WHY_NOT.get(bench, f"FITTED? says {bench}"))
    result, item, _ = client.query("POST?")
    if result != "PASSED":
        raise NotABench(f"the self-test failed at {item}: is each jumper where it belongs?")
    client.load(ORDER)
    client.request("START")


def look(client: Client) -> tuple[str, list[str], str]:
    """State, active conditions, and a line for a person."""
    status = client.status()
    alarms = conditions(int(status["alarms"]))
    rate, delivered = int(status["rate_ul_h"]) / 1000, int(status["delivered_ul"]) / 1000
    line = f"{status['state']:<14} {rate:6.1f} mL/h  {delivered:6.3f} mL  {', '.join(alarms)}"
    return status["state"], alarms, line


def walk(client: Client, say: Callable[[str], None], put_back: Callable[[], None]) -> str:
    """Until the order is delivered: the state it ended in.

    ``put_back`` comes back when the jumper is where it was; then RESET and RESUME.
    """
    prepare(client)
    while True:
        end = client.link.now() + _LOOK_S
        while (left := end - client.link.now()) > 0:
            client.receive(left)
        client.pushed.clear()
        state, _, line = look(client)
        say(line)
        if state in _LEFT:
            return state
        if state in ("ALARM_STOPPED", "STOPPED"):
            put_back()
            client.request("RESET")
            client.request("RESUME")
