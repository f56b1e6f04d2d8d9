"""The report of a run: one HTML file that needs nothing else and says the same every time.

See ``docs/report.md`` for what its parts mean.  jinja2 and matplotlib are imported where
they are used: starting ``titra`` must not wait for them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pump.core import alarm_conditions as ac
from pump.core.units import STEPS_PER_ML
from titra import display_picture
from titra.report_lane import state_spans
from titra.report_plots import GAP_S, clock_label, figures
from titra.summary import Alarm, Display, RungEntry, Summary

BANNER = (
    "Titra is a bench and research device. It is not a medical device and must never be "
    "used on people. This report shows what a run did on the bench; it claims nothing about "
    "any treatment."
)
EVENTS_MAX = 3000
DISPLAYS_MAX = 12
_TEMPLATES = Path(__file__).parent / "templates"
_END_SIGNAL = "INFUSION_COMPLETE"
_ALARM_TEXT = {row[ac.COL_NAME]: row[ac.COL_TEXT] for row in ac.ALARM_CONDITIONS}
_KEEPS_ON = {row[ac.COL_NAME] for row in ac.ALARM_CONDITIONS if row[ac.COL_RESPONSE] == ac.KEEP}
_RANK = {name: rank for rank, name in enumerate(ac.PRIORITY_NAMES)}
# A complete infusion may lack steps that were owed at a reset, and no more.
_SHORT_ML = 0.1
_RUNNING = ("INFUSING", "RUNG_HELD")


class _Outcome(NamedTuple):
    """``tone`` is good, warn or bad."""

    tone: str
    words: str
    detail: str


_ENDS = {
    "COMPLETE": _Outcome("good", "Complete", "The ordered volume was delivered."),
    "ALARM_STOPPED": _Outcome("bad", "Stopped by an alarm", "The pump waits for RESET."),
    "FAULT": _Outcome("bad", "Fault", "The motor stays off until the power is cycled."),
    "STOPPED": _Outcome("warn", "Stopped", "The session was stopped before its end."),
    "PAUSED": _Outcome("warn", "Paused", "The run ended while the pump was paused."),
    "HOLD": _Outcome("warn", "On hold", "The run ended while the pump was on hold."),
    "KVO": _Outcome("warn", "Keeping the vein open", "The run ended at the keep-open rate."),
    "BACK_OFF": _Outcome("bad", "Stopped by an alarm", "The run ended while it turned back."),
    "INFUSING": _Outcome("warn", "Still infusing", "The run ended before the infusion did."),
    "RUNG_HELD": _Outcome("warn", "Still infusing", "The run ended before the infusion did."),
}


def write_report(path: Path, header: dict, summary: Summary, trace_name: str) -> None:
    """Write the report of the run with this trace ``header`` to ``path``, whole or not at all.

    The same input gives the same bytes.  Raises ``OSError`` if ``path`` cannot be written;
    then what stood there before still stands.
    """
    page = _render(header, summary, trace_name)
    # Text out of a trace may hold what has no place in UTF-8.
    data = page.encode("utf-8", "backslashreplace")
    beside = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _render(header: dict, summary: Summary, trace_name: str) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup, escape

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = _clock
    plots = {name: Markup(svg) for name, svg in figures(header, summary).items()}
    displays = [
        (shown, Markup(display_picture.svg(shown.memory, escape(f"display after {shown.after}"))))
        for shown in worth_showing(summary.displays)
    ]
    return environment.get_template("report.html.j2").render(
        plots=plots, displays=displays, **report_facts(header, summary, trace_name)
    )


def worth_showing(displays: Sequence[Display]) -> list[Display]:
    """The first after each different thing that was said, and the last; at most 12.
    A question's number makes no difference."""
    first: dict[str, Display] = {}
    for shown in displays:
        first.setdefault(shown.after.rstrip(" 0123456789"), shown)
    chosen = list(first.values())
    last = displays[-1:]
    return (
        chosen[:DISPLAYS_MAX] if chosen[-1:] == list(last) else [*chosen[: DISPLAYS_MAX - 1], *last]
    )


def report_facts(header: dict, summary: Summary, trace_name: str) -> dict[str, Any]:
    """Everything that the template shows, as text and numbers that are ready to print."""
    about = header.get("about")
    about = about if isinstance(about, Mapping) else {}
    product = _text(about.get("product_title")) or _text(about.get("product"))
    order_name = _text(about.get("order_name"))
    shown = summary.events[:EVENTS_MAX]
    return {
        "banner": BANNER,
        "title": order_name or trace_name,
        "subtitle": ", ".join(
            part
            for part in (
                product,
                _text(about.get("indication")),
                f"day {about['day']}" if about.get("day") else "",
            )
            if part
        ),
        "outcome": outcome(summary),
        "tiles": _tiles(summary),
        "figures": _figures(summary),
        "rungs": _rungs_lived(header, summary),
        "alarms": _alarms(summary),
        "states": _times_in_states(summary),
        "events": [(event, event.kind) for event in shown],
        "events_left_out": len(summary.events) - len(shown),
        "faults": _faults(header, summary),
        "ladder": _ladder(header, about),
        "cap_source": _text(about.get("cap_source")),
        "warnings": [_text(item) for item in _list(about.get("warnings"))],
        "setup": _setup(header, about),
        "order_name": order_name,
        "order_text": about.get("order_text") if isinstance(about.get("order_text"), str) else "",
        "versions": _versions(header, about, trace_name),
        "sources": [_source(item) for item in _list(about.get("sources"))],
    }


# --- at a glance ---------------------------------------------------------------


def _worst_alarm(summary: Summary):
    """Highest priority, then first raised; the end-of-infusion signal does not count."""
    alarms = [alarm for alarm in summary.alarms if alarm.id != _END_SIGNAL]
    return min(alarms, key=lambda a: (-_RANK[a.priority], a.raised_s), default=None)


def outcome(summary: Summary) -> _Outcome:
    """How the run ended; a limit that was broken comes before everything else."""
    if summary.max_rate_ml_h > summary.cap_ml_h:
        return _Outcome(
            "bad",
            "Over the cap",
            f"{_number(summary.max_rate_ml_h)} mL/h was seen; the cap is "
            f"{_number(summary.cap_ml_h)} mL/h. The run ended in {summary.state}.",
        )
    # What keeping the vein open takes is part of the order.
    if summary.delivered_ml > summary.ordered_ml:
        return _Outcome(
            "bad",
            "More than was ordered",
            f"{_number(summary.delivered_ml)} mL of {_number(summary.ordered_ml)} mL. "
            f"The run ended in {summary.state}.",
        )
    if summary.fluid_excess_ml > 0:
        return _Outcome(
            "bad",
            "More than was ordered",
            f"{_number(summary.fluid_ml)} mL reached the patient, "
            f"{_number(summary.ordered_ml)} mL were ordered. "
            f"The run ended in {summary.state}.",
        )
    end = _ENDS.get(summary.state)
    if end is None:
        begun = summary.steps > 0
        if begun and summary.resets:
            detail = "The processor was reset during the infusion, which did not go on."
            return _Outcome("bad", "Ended by a reset", detail)
        return _Outcome(
            "warn",
            "Ended early" if begun else "Never started",
            "The pump no longer infuses." if begun else "The motor made no step.",
        )
    worst = _worst_alarm(summary)
    if end.tone == "good" and summary.ordered_ml - summary.delivered_ml > _SHORT_ML:
        detail = (
            f"The pump says that it is complete; the STEP edges say "
            f"{_number(summary.delivered_ml)} mL of {_number(summary.ordered_ml)} mL."
        )
        return _Outcome("bad", "Less than was ordered", detail)
    if end.tone == "good" and worst:
        detail = f"The ordered volume was delivered; {_words(worst.id)} was alarmed on the way."
        return _Outcome("warn", "Complete, after an alarm", detail)
    if summary.state == "ALARM_STOPPED" and worst:
        stopping = [
            alarm
            for alarm in summary.alarms
            if alarm.stopped_s is not None or alarm.id == "INTERRUPTED"
        ]
        last = stopping[-1] if stopping else worst
        text = _ALARM_TEXT.get(last.id, _words(last.id))
        return end._replace(detail=f"{text[:1].upper()}{text[1:]}.")
    return end


def _tiles(summary: Summary) -> list[dict]:
    worst = _worst_alarm(summary)
    share = 100 * summary.delivered_ml / summary.ordered_ml if summary.ordered_ml else 0.0
    over_cap = summary.max_rate_ml_h > summary.cap_ml_h
    return [
        {
            "name": "Delivered",
            "value": _short(summary.delivered_ml),
            "unit": f"of {_short(summary.ordered_ml)} mL",
            "share": round(min(100.0, max(0.0, share)), 1),
            "note": "under 0.1 % of the order"
            if 0 < share < 0.1
            else f"{int(share * 10 + 1e-6) / 10:g} % of the order",
            "tone": "bad" if share > 100 else "",
        },
        {
            "name": "Duration",
            "value": _hours(summary.duration_min),
            "unit": "",
            "note": "first START to last STEP edge",
            "tone": "",
        },
        {
            "name": "Peak rate",
            "value": _number(summary.max_rate_ml_h),
            "unit": "mL/h",
            "note": f"{'OVER' if over_cap else 'within'} the cap of "
            f"{_number(summary.cap_ml_h)} mL/h",
            "tone": "bad" if over_cap else "",
        },
        {
            "name": "Worst alarm",
            "value": _words(worst.id).capitalize() if worst else "None",
            "unit": "",
            "note": f"{worst.priority} priority, at {_clock(worst.raised_s, 0)}"
            if worst
            else "apart from the signal at the end"
            if summary.alarms
            else "no alarm was raised",
            "tone": {"HIGH": "bad", "MEDIUM": "warn", "LOW": "low"}[worst.priority]
            if worst
            else "",
            "is_words": True,
        },
    ]


# --- tables --------------------------------------------------------------------


def _figures(summary: Summary) -> list[tuple[str, str, str]]:
    return [
        ("State at the end", summary.state, ""),
        (
            "Delivered",
            f"{_number(summary.delivered_ml)} mL",
            "STEP edges forward less those back, times volume per step",
        ),
        (
            "Commanded",
            f"{_number(summary.commanded_ml)} mL",
            "steps that the firmware asked for"
            + (" since its last reset" if summary.resets else ""),
        ),
        ("Ordered", f"{_number(summary.ordered_ml)} mL", ""),
        (
            "In the patient",
            f"{_number(summary.fluid_ml)} mL",
            "fluid that left the simulated line; tolerance and stored fluid of the line count",
        ),
        (
            "Duration",
            f"{_number(summary.duration_min)} min",
            f"{_clock(summary.duration_min * 60, 0)} h:min:s, pauses included",
        ),
        (
            "Highest rate",
            f"{_number(summary.max_rate_ml_h)} mL/h",
            "commanded, or STEP edges forward over 10 s, whichever is higher",
        ),
        ("Highest commanded rate", f"{_number(summary.max_commanded_ml_h)} mL/h", "telemetry"),
        ("Cap", f"{_number(summary.cap_ml_h)} mL/h", ""),
        ("STEP edges", _thousands(summary.steps), "forward, with the driver enabled"),
        *_backed_off(summary),
        *_world(summary),
        ("Self-test", summary.self_test or "not seen", "the last one"),
        ("Resets of the processor", _thousands(summary.resets), "after power-on"),
        *_recovered(summary),
        ("Lines refused", _thousands(summary.refused), "malformed or not allowed, device's count"),
    ]


def _backed_off(summary: Summary) -> list[tuple[str, str, str]]:
    if not summary.steps_back:
        return []
    ml = f"{_number(summary.steps_back / STEPS_PER_ML)} mL"
    return [("Turned back", ml, "STEP edges back, to relieve an occluded line")]


def _recovered(summary: Summary) -> list[tuple[str, str, str]]:
    if not summary.resets:
        return []
    ml = summary.recovered_ml
    text = "nothing was said" if ml is None else f"{_number(ml)} mL"
    return [("Recovered after the last", text, "what the pump takes as delivered, never less")]


def _world(summary: Summary) -> list[tuple[str, str, str]]:
    """Drops, supply and driver, where the trace tells."""
    rows = []
    volts = [s.supply_v for s in summary.samples if s.supply_v is not None]
    degrees = [s.driver_c for s in summary.samples if s.driver_c is not None]
    drops = summary.samples[-1].drops if summary.samples else None
    if drops is not None:
        rows.append(("Drops", _thousands(drops), "that fell in the drip chamber"))
    if volts:
        rows.append(("Lowest supply", f"{min(volts):.2f} V", f"{volts[-1]:.2f} V at the end"))
    if degrees:
        rows.append(("Warmest driver", f"{max(degrees)} \u00b0C", ""))
    return rows


def _rungs_lived(header: dict, summary: Summary) -> list[dict]:
    program = header["program"]["rungs"]
    asked, answered = _questions(summary)
    rows = []
    for index, entry in enumerate(summary.rungs):
        is_last = index + 1 == len(summary.rungs)
        until_s = float("inf") if is_last else summary.rungs[index + 1].entered_s
        # The answer comes first and the telemetry that shows the new rung up to 1 s later.
        steps_up = [q for q in asked if q[1] == "STEP_UP" and entry.entered_s < q[0] < until_s]
        checks = sum(q[1] == "CHECK" and entry.entered_s < q[0] < until_s for q in asked)
        answer_s = next((answered[q] for q in reversed(steps_up) if q in answered), None)
        rows.append(
            {
                "rung": entry.rung,
                "rate": _number(entry.rate_ml_h),
                "entered": _clock(entry.entered_s),
                "at_rate": _clock(entry.at_rate_s) if entry.at_rate_s is not None else "never",
                "time_at_rate": f"{_minutes_at_rate(summary, entry, until_s):.1f} min",
                "dwell": "to the end"
                if entry.rung == len(program) - 1
                else f"{program[entry.rung][1] / 60:g} min",
                "asked": _clock(steps_up[0][0]) if steps_up else "\u2013",
                "times_asked": len(steps_up) or "\u2013",
                "answered": _clock(answer_s)
                if answer_s is not None
                else ("no answer" if steps_up else "\u2013"),
                "checks": checks,
            }
        )
    return rows


def _questions(summary: Summary):
    """Questions as (s, kind, number), and when each was answered."""
    asked = []
    answered = {}
    for event in summary.events:
        words = event.text.split(" ")
        if event.kind == "question":
            asked.append((event.t_s, words[0], words[-1]))
        elif event.kind == "answer":
            # Numbers start again after a reset: the latest question with this one is meant.
            meant = next((q for q in reversed(asked) if q[2] == words[-1]), None)
            if meant:
                answered.setdefault(meant, event.t_s)
    return asked, answered


def _minutes_at_rate(summary: Summary, entry: RungEntry, until_s: float) -> float:
    """Minutes for which telemetry showed the rung's own rate; pauses do not count."""
    total = 0.0
    for row, after in zip(summary.telemetry, summary.telemetry[1:], strict=False):
        if (
            entry.entered_s <= row.t_s < until_s
            and row.state in _RUNNING
            and row.rate_ml_h == entry.rate_ml_h
        ):
            total += min(after.t_s - row.t_s, GAP_S)
    return total / 60


def _alarms(summary: Summary) -> list[dict]:
    cleared = [(event.text, event.t_s) for event in summary.events if event.kind == "cleared"]
    rows = []
    for alarm in summary.alarms:
        clear_s = next((t for name, t in cleared if name == alarm.id and t >= alarm.raised_s), None)
        latency_ms = None if alarm.stopped_s is None else (alarm.stopped_s - alarm.raised_s) * 1000
        rows.append(
            {
                "id": alarm.id,
                "text": _ALARM_TEXT.get(alarm.id, ""),
                "priority": alarm.priority,
                "raised": _clock(alarm.raised_s, 3),
                "stopped": _stopped(alarm),
                "latency": "\u2013" if latency_ms is None else _signed(latency_ms),
                "cleared": "\u2013" if clear_s is None else _clock(clear_s),
            }
        )
    return rows


def _stopped(alarm: Alarm) -> str:
    if alarm.stopped_s is not None:
        return _clock(alarm.stopped_s, 3)
    return "motor not stopped" if alarm.id in _KEEPS_ON else "stood still already"


def _faults(header: dict, summary: Summary) -> list[dict]:
    """Faults as they happened, and those that were ordered and never came."""
    rows: list[dict] = []
    for event in summary.events:
        if event.kind != "fault":
            continue
        spec, _, what = event.text.rpartition(" ")
        if what == "ends":
            row = next((r for r in reversed(rows) if r["spec"] == spec), None)
            if row:
                row["ended"] = _clock(event.t_s)
                continue
        after = next((a for a in summary.alarms if a.raised_s >= event.t_s), None)
        rows.append(
            {
                "spec": spec or event.text,
                "began": _clock(event.t_s),
                "ended": "\u2013",
                "next": f"{after.id}, {_later(after.raised_s - event.t_s)}" if after else "none",
            }
        )
    asked = _list(header.get("faults"))
    for spec in asked[len(rows) :] if len(rows) < len(asked) else []:
        at_s = spec["at_ms"] / 1000
        rows.append(
            {
                "spec": f"{spec['name']}@{at_s:g}s",
                "began": "never",
                "ended": "\u2013",
                "next": "the run ended before",
            }
        )
    return rows


def _times_in_states(summary: Summary) -> list[tuple[str, str]]:
    ends = [series[-1].t_s for series in (summary.samples, summary.telemetry) if series]
    end_s = max(ends, default=0.0)
    total: dict[str, float] = {}
    for span in state_spans(summary, end_s, GAP_S):
        total[span.state] = total.get(span.state, 0.0) + span.end_s - span.start_s
    return [(state, _clock(seconds, 0)) for state, seconds in total.items()]


def _ladder(header: dict, about: Mapping) -> list[dict]:
    program = header["program"]
    told = _list(about.get("rungs"))
    rows = []
    for index, (rate_ul_h, dwell_s) in enumerate(program["rungs"]):
        rung = told[index] if index < len(told) and isinstance(told[index], Mapping) else {}
        rows.append(
            {
                "rung": index,
                "rate": _number(rate_ul_h / 1000),
                "share": f"{100 * rate_ul_h / program['cap_ul_h']:.0f} %",
                "dwell": "to the end"
                if index == len(program["rungs"]) - 1
                else f"{dwell_s / 60:g} min",
                "why": _text(rung.get("why")),
                "cap_source": _text(rung.get("cap_source")),
            }
        )
    return rows


def _setup(header: dict, about: Mapping) -> list[tuple[str, str]]:
    program = header["program"]
    person = header.get("person") or {}
    rows = [
        ("Product", _text(about.get("product_title")) or _text(about.get("product"))),
        ("Indication", _text(about.get("indication"))),
        ("Day of the course", _text(about.get("day"))),
        ("Dose", _scaled(program, "dose_mg", "g")),
        ("Concentration", _scaled(program, "concentration_mg_ml", "mg/mL", 1)),
        ("Weight", _scaled(program, "weight_g", "kg")),
        ("Volume", _scaled(program, "vtbi_ul", "mL")),
        ("Cap", _scaled(program, "cap_ul_h", "mL/h")),
        ("Cap comes from", _text(about.get("cap_source"))),
        ("Rises by", _scaled(program, "slew_ul_h_s", "mL/h per s")),
        ("Keep-vein-open rate", _scaled(program, "kvo_ul_h", "mL/h")),
        ("Downstream alarm limit", _scaled(program, "occlusion_pa", "kPa")),
        ("Asked on the last rung every", _scaled(program, "check_s", "min", 60)),
        (
            "Host must be heard every",
            f"{program['link_timeout_s']} s" if program.get("link_timeout_s") else "not needed",
        ),
        ("Bag", _scaled(header, "bag_ul", "mL")),
        ("Simulated person", _person(person)),
    ]
    return [(name, value) for name, value in rows if value]


def _person(person: Mapping) -> str:
    if not person:
        return ""
    delay_s = person.get("confirm_after_s") or 0
    if not person.get("confirms", True):
        text = "never answers"
    else:
        text = f"answers after {delay_s:g} s" if delay_s else "answers at once"
    actions = [f"{do} at {_clock(at / 1000, 0)}" for at, do in _list(person.get("actions"))]
    return "; ".join([text, *actions])


def _versions(header: dict, about: Mapping, trace_name: str) -> list[tuple[str, str]]:
    firmware = header.get("firmware") or {}
    rows = [
        ("Firmware", _text(firmware.get("version"))),
        ("Firmware SHA-256", _text(firmware.get("sha256"))),
        ("Trace", trace_name),
        ("Trace SHA-256", _text(header.get("trace_sha256") or header.get("sha256"))),
        ("Trace format", _text(header.get("format"))),
        ("Order SHA-256", _text(about.get("order_sha256"))),
        ("Seed", _text(header.get("seed"))),
    ]
    return [(name, value) for name, value in rows if value]


def _source(item: Any) -> dict:
    if not isinstance(item, Mapping):
        return {"text": _text(item), "checked": False}
    text = _text(item.get("text")) or _text(item.get("key"))
    return {"text": text, "checked": item.get("checked") is True}


# --- wording -------------------------------------------------------------------


def _list(value: Any) -> list:
    return list(value) if isinstance(value, list | tuple) else []


def _text(value: Any) -> str:
    """One line of text from what a header may hold; nothing for what is absent."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return _text(value.get("message") or value.get("text"))
    return str(value)


def _words(name: str) -> str:
    return name.replace("_", " ").lower()


def _number(value: float) -> str:
    """Up to three decimals, which is a microlitre; ends trimmed."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _short(ml: float) -> str:
    """One decimal (two below 10), cut so that it never says more than there was."""
    return f"{int(ml * 100 + 1e-6) / 100:.2f}" if ml < 10 else f"{int(ml * 10 + 1e-6) / 10:.1f}"


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def _signed(number: float) -> str:
    return f"{number:+.1f}".replace("-", "\u2212")


def _scaled(holder: Mapping, key: str, unit: str, divisor: int = 1000) -> str:
    value = holder.get(key)
    return "" if value is None else f"{_number(value / divisor)} {unit}"


def _later(seconds: float) -> str:
    return f"{seconds:.2f} s later" if seconds < 60 else f"{_clock(seconds, 0)} h:min:s later"


def _hours(minutes: float) -> str:
    if minutes < 1:
        return f"{minutes * 60:.0f} s"
    whole = int(minutes + 0.5)
    return f"{whole // 60} h {whole % 60:02} min" if whole >= 60 else f"{whole} min"


def _clock(seconds: float, decimals: int = 2) -> str:
    """``h:mm:ss``, with decimals of a second where they matter."""
    sign = "\u2212" if seconds < 0 else ""
    units = round(abs(seconds) * 10**decimals)
    whole, part = divmod(units, 10**decimals)
    text = sign + clock_label(whole, with_seconds=True)
    return f"{text}.{part:0{decimals}}" if decimals else text
