"""What a run came to, computed from its trace alone.

Everything is judged at the boundary: STEP edges, pins and serial lines.
Times are seconds since the first START: what the self-test steps and says before it does
not count.  A STEP edge counts with the driver enabled, forwards or back as DIRECTION says.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from host_sim.client import unframe
from host_sim.trace import start_us
from pump.core import alarm_conditions as ac
from pump.core import units

# A delivered rate is the count of STEP edges over this window; the first edge
# opens the window and is not counted, so that it is never overstated.
RATE_WINDOW_S = 10
# Fluid in the vein may pass the order by the accuracy that pumps promise, 5 %.
FLUID_TOLERANCE = 1.05
# An alarm has stopped the motor if ENABLE or DIRECTION fell within this time around it,
# or if the last STEP edge forward for long was then.
_STOP_WITHIN_US = 1_000_000
_PRIORITY = {
    row[ac.COL_NAME]: ac.PRIORITY_NAMES[row[ac.COL_PRIORITY]] for row in ac.ALARM_CONDITIONS
}
_STOPPING = {row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS if row[ac.COL_RESPONSE] != ac.KEEP}
_UL_PER_STEP = 1000 / units.STEPS_PER_ML
# What a host says before it has anything done.
_TO_BEGIN_WITH = ("HELLO", "CHALLENGE", "LOGIN", "LOGOUT")
# States whose rate is not one into the vein.
NO_INFUSION = ("SELF_TEST", "BACK_OFF")


@dataclass(frozen=True)
class Alarm:
    """``stopped_s`` is the last STEP edge forward before the motor stood still, or
    turned back, for it, ``None`` where it did not stop the motor."""

    id: str
    priority: str
    raised_s: float
    stopped_s: float | None


@dataclass(frozen=True)
class Sample:
    """The boundary at one second: ``edges`` forwards less those back, ``rate_ml_h``
    from those forwards.  ``None`` where the trace does not tell."""

    t_s: float
    edges: int
    rate_ml_h: float
    flow_ml_h: float
    down_kpa: float
    up_kpa: float
    patient_ml: float
    bag_ml: float
    drops: int | None = None
    supply_v: float | None = None
    driver_c: int | None = None


@dataclass(frozen=True)
class Telemetry:
    """One !T line."""

    t_s: float
    state: str
    rung: int
    rate_ml_h: float
    delivered_ml: float
    question: int


@dataclass(frozen=True)
class Event:
    """Something worth a mark on the time axis.

    ``kind``: state, question, answer, alarm, cleared, command, fault, note, boot, power,
    crash, self-test, refused.
    """

    t_s: float
    kind: str
    text: str


@dataclass(frozen=True)
class RungEntry:
    """A rung as it was lived: entered, its rate reached, left."""

    rung: int
    rate_ml_h: float
    entered_s: float
    at_rate_s: float | None


@dataclass(frozen=True)
class Display:
    """The display's memory, in hex, and what the pump had said last before it."""

    t_s: float
    after: str
    memory: str


@dataclass(frozen=True)
class Summary:
    """See ``docs/commands.md`` for the figures that ``simulate --json`` prints."""

    state: str
    delivered_ml: float
    commanded_ml: float
    ordered_ml: float
    duration_min: float
    max_rate_ml_h: float
    max_commanded_ml_h: float
    cap_ml_h: float
    steps: int
    steps_back: int
    fluid_ml: float
    fluid_excess_ml: float
    resets: int
    recovered_ml: float | None
    self_test: str
    refused: int
    unheard_s: float
    alarms: tuple[Alarm, ...]
    rungs: tuple[RungEntry, ...]
    telemetry: tuple[Telemetry, ...]
    samples: tuple[Sample, ...]
    events: tuple[Event, ...]
    displays: tuple[Display, ...] = ()

    def figures(self) -> dict:
        """The figures without the series."""
        data = asdict(self)
        for series in ("telemetry", "samples", "events", "displays"):
            del data[series]
        return data


def _changes(verb: str) -> bool:
    """Whether it is more than logging in or a query, as the host's heart-beat is."""
    return verb not in _TO_BEGIN_WITH and not verb.endswith("?")


def _body(line: str) -> str:
    return line.rpartition("*")[0]


class _Reader:
    """Walks the records once."""

    def __init__(self, header: dict, records: list[dict]):
        self._rungs = header["program"]["rungs"]
        self._zero_us = start_us(records)
        self._boot_us = 0
        self._stops = _stops_seen(records)
        self._heard_us = 0
        self._is_complete = False
        self.state = "SELF_TEST"
        self.refused = 0
        self.granted_steps: int | None = None
        self.resets = 0
        self.recovered_ml: float | None = None
        self.self_test = ""
        self.forward = 0
        self.back = 0
        self.last_edge_us = self._zero_us
        self.alarms: list[Alarm] = []
        self.rungs: list[RungEntry] = []
        self.telemetry: list[Telemetry] = []
        self.samples: list[Sample] = []
        self.events: list[Event] = []
        self.displays: list[Display] = []
        self._edges: list[tuple[int, int]] = []
        self._run_of_refusals = 0
        for record in records:
            self._read(record)

    def seconds(self, us: int) -> float:
        return round((us - self._zero_us) / 1_000_000, 6)

    def unheard_s(self, end_us: int) -> float:
        """For how long nothing has been heard of the device."""
        return round(max(0, end_us - self._heard_us) / 1_000_000, 3)

    def _event(self, us: int, kind: str, text: str) -> None:
        self.events.append(Event(self.seconds(us), kind, text))

    def _line_refused(self, us: int, reason: str) -> None:
        """A flood of refused lines is one event with a count, not thousands."""
        last = self.events[-1] if self.events else None
        if last and last.kind == "refused" and self._run_of_refusals:
            self._run_of_refusals += 1
            self.events[-1] = Event(last.t_s, "refused", f"{self._run_of_refusals} lines refused")
        else:
            self._run_of_refusals = 1
            self._event(us, "refused", reason)

    def _read(self, record: dict) -> None:
        us = record["us"]
        if "edges" in record:
            self._sample(record)
        elif "pump" in record:
            # A reset can cut a line off; what has no valid CRC says nothing.
            body = unframe(record["pump"].encode("latin-1"))
            if body is not None:
                self._heard_us = us
                self._pump(us, body)
        elif "host" in record:
            self._host(us, record["host"])
        elif "display" in record:
            self._display(us, record["display"])
        elif "fault" in record:
            self._event(us, "fault", f"{record['fault']} {record['what']}")
        elif "note" in record:
            self._event(us, "note", record["note"])
        elif "boot" in record:
            self._boot_us = us
            self.resets += 1
            self.recovered_ml = None
            self.state = "SELF_TEST"
            self.self_test = ""
            self._event(us, "boot", "processor reset")
        elif "power" in record:
            self._event(us, "power", "power is back" if record["power"] else "power is gone")
        elif "crash" in record:
            self._event(us, "crash", record["crash"])
        elif record.get("pin") == "ENABLE" and not record["level"]:
            self.last_edge_us = max(self.last_edge_us, record["last_edge_us"])

    def _host(self, us: int, text: str) -> None:
        for line in text.split("\n"):
            words = _body(line).split(" ") if "*" in line else line.split(" ")
            if words[-1].upper() == "STOP":
                self._event(us, "command", "STOP")
            elif len(words) > 1 and words[0].isdigit() and _changes(words[1]):
                kind = "answer" if words[1] == "CONFIRM" else "command"
                self._event(us, kind, " ".join(words[1:]))

    def _pump(self, us: int, body: str) -> None:
        if not body.startswith("!"):
            self._reply(us, body)
            return
        mark, *values = body.split(",")
        if mark == "!B":
            return
        at_us = self._boot_us + round(float(values[1]) * 1_000_000)
        if mark == "!T":
            self._telemetry(at_us, values)
        elif mark == "!S":
            self.state = values[3]
            # What is alarmed once all is delivered has not stopped the infusion.
            self._is_complete = self.state == "COMPLETE" or (
                self._is_complete and self.state != "INFUSING"
            )
            self._event(at_us, "state", values[3])
        elif mark == "!Q":
            self._event(at_us, "question", f"{values[3]} {values[2]}")
        elif mark == "!A":
            self._alarm(at_us, values[2], values[4])

    def _reply(self, us: int, body: str) -> None:
        _, _, rest = body.partition(" ")
        if rest.startswith("OK STATUS?"):
            fields = rest.split(",")
            self.state = fields[1]
            self.refused = int(fields[10])
        elif rest.startswith("OK MOTION?"):
            self.granted_steps = int(rest.split(",")[3])
        elif rest.startswith("OK POST?"):
            _, result, item, *_ = rest.split(",")
            self._self_tested(us, result, item)
        elif rest.startswith("ERR"):
            self._line_refused(us, rest[4:])

    def _display(self, us: int, memory: str) -> None:
        said = [e for e in self.events if e.kind in ("state", "alarm", "cleared", "question")]
        last = said[-1] if said else None
        after = f"{last.kind} {last.text}" if last else ""
        self.displays.append(Display(self.seconds(us), after, memory))

    def _self_tested(self, us: int, result: str, item: str) -> None:
        if result != "RUNNING" and not self.self_test:
            self.self_test = result if result == "PASSED" else f"{result} {item}"
            self._event(us, "self-test", self.self_test)

    def _telemetry(self, at_us: int, values: list[str]) -> None:
        row = Telemetry(
            self.seconds(at_us),
            values[2],
            int(values[3]),
            int(values[4]) / 1000,
            int(values[5]) / 1000,
            int(values[9]),
        )
        self.state = row.state
        self.telemetry.append(row)
        if self.resets and self.recovered_ml is None and row.state != "SELF_TEST":
            self.recovered_ml = row.delivered_ml
        if row.state not in ("INFUSING", "RUNG_HELD"):
            return
        if not self.rungs or self.rungs[-1].rung != row.rung:
            rate = self._rungs[row.rung][0] / 1000
            self.rungs.append(RungEntry(row.rung, rate, row.t_s, None))
        entry = self.rungs[-1]
        if entry.at_rate_s is None and row.rate_ml_h == entry.rate_ml_h:
            self.rungs[-1] = RungEntry(entry.rung, entry.rate_ml_h, entry.entered_s, row.t_s)

    def _alarm(self, at_us: int, name: str, change: str) -> None:
        if change != "RAISED":
            self._event(at_us, "cleared", name)
            return
        self._event(at_us, "alarm", name)
        stopped = None
        if name in _STOPPING and not self._is_complete:
            for stop_us, last_edge_us in self._stops:
                if abs(stop_us - at_us) <= _STOP_WITHIN_US:
                    stopped = self.seconds(last_edge_us)
                    break
        self.alarms.append(Alarm(name, _PRIORITY[name], self.seconds(at_us), stopped))

    def _sample(self, record: dict) -> None:
        us = record["us"]
        self.forward = record.get("forward", record["edges"])
        self.back = record.get("back", 0)
        self.last_edge_us = max(self.last_edge_us, record.get("last_edge_us", 0))
        self._edges.append((us, self.forward))
        rate = 0.0
        if len(self._edges) > RATE_WINDOW_S:
            before_us, before = self._edges[-1 - RATE_WINDOW_S]
            counted = max(0, self.forward - before - 1)
            rate = counted * _UL_PER_STEP * 3600 / ((us - before_us) / 1000)
        self.samples.append(
            Sample(
                self.seconds(us),
                self.forward - self.back,
                round(rate, 3),
                record["flow_ul_h"] / 1000,
                record["down_pa"] / 1000,
                record["up_pa"] / 1000,
                record["patient_ul"] / 1000,
                record["bag_ul"] / 1000,
                record.get("drops"),
                record["supply_mv"] / 1000 if "supply_mv" in record else None,
                record.get("driver_c"),
            )
        )


def _stops_seen(records: list[dict]) -> list[tuple[int, int]]:
    """(when, last edge forward) wherever the motor was stopped: at each fall of ENABLE
    and, where it was moving, of DIRECTION; and where two seconds passed without an
    edge although nothing fell, as with ENABLE shorted (1 mL/h makes 3.6 in that time)."""
    stops = []
    for record in records:
        pin = record.get("pin")
        if pin in ("ENABLE", "DIRECTION") and not record["level"]:
            us, last_us = record["us"], record["last_edge_us"]
            if pin == "ENABLE" or us - last_us <= _STOP_WITHIN_US:
                stops.append((us, last_us))
    samples = [record for record in records if "edges" in record]
    still = {
        before.get("last_edge_us", 0): None
        for before, after in zip(samples, samples[2:], strict=False)
        if before.get("last_edge_us", 0) == after.get("last_edge_us")
    }
    return stops + [(last_us, last_us) for last_us in still if last_us]


def _integral_ml(telemetry: list[Telemetry]) -> float:
    """Volume of the commanded rate, from the lines of telemetry a second apart."""
    volume = 0.0
    for before, after in zip(telemetry, telemetry[1:], strict=False):
        if before.state in NO_INFUSION:
            continue
        volume += before.rate_ml_h * min(1.0, max(0.0, after.t_s - before.t_s)) / 3600
    return round(volume, 3)


def summarize(header: dict, records: list[dict]) -> Summary:
    """The summary of a trace; see ``host_sim.trace`` for header and records."""
    reader = _Reader(header, records)
    commanded = max(
        (row.rate_ml_h for row in reader.telemetry if row.state not in NO_INFUSION), default=0.0
    )
    stepped = max((sample.rate_ml_h for sample in reader.samples), default=0.0)
    fluid = reader.samples[-1].patient_ml if reader.samples else 0.0
    ordered = header["program"]["vtbi_ul"] / 1000
    # After a reset the device has forgotten what it granted before.
    granted = None if reader.resets else reader.granted_steps
    return Summary(
        state=reader.state,
        delivered_ml=round((reader.forward - reader.back) * _UL_PER_STEP / 1000, 6),
        commanded_ml=(
            round(granted * _UL_PER_STEP / 1000, 6)
            if granted is not None
            else _integral_ml(reader.telemetry)
        ),
        ordered_ml=ordered,
        duration_min=round(max(0.0, reader.seconds(reader.last_edge_us)) / 60, 3),
        max_rate_ml_h=max(commanded, stepped),
        max_commanded_ml_h=commanded,
        cap_ml_h=header["program"]["cap_ul_h"] / 1000,
        steps=reader.forward,
        steps_back=reader.back,
        fluid_ml=fluid,
        fluid_excess_ml=round(fluid - ordered, 3) if fluid > ordered * FLUID_TOLERANCE else 0.0,
        resets=reader.resets,
        recovered_ml=reader.recovered_ml,
        self_test=reader.self_test,
        refused=reader.refused,
        unheard_s=reader.unheard_s(records[-1]["us"] if records else 0),
        alarms=tuple(reader.alarms),
        rungs=tuple(reader.rungs),
        telemetry=tuple(reader.telemetry),
        samples=tuple(reader.samples),
        events=tuple(reader.events),
        displays=tuple(reader.displays),
    )
