"""An order from file to report: plan, run, judge, write."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

from host_sim.client import Program, ReadBackError, Refused
from host_sim.faults import FaultSpec
from host_sim.links import LinkError
from host_sim.simulation import Person, RunSpec, Simulation
from pump.core import alarm_conditions as ac
from pump.core import units
from titra import exit_codes
from titra.course_session import session_of
from titra.files import write_whole
from titra.library import Library, LibraryError, load_library
from titra.planning.course_record import CourseRecord, RecordError, read_record, write_record
from titra.planning.course_rules import plan_in_course
from titra.planning.order import Order, OrderError, load_order
from titra.planning.plan_records import DayPlan, Plan
from titra.planning.planner import plan
from titra.summary import Summary, summarize

# Bags are overfilled; this much remains when the dose is in.
OVERFILL_UL = 30_000
# In a clinic the pump stops when its host has been silent for this long.
CLINIC_LINK_TIMEOUT_S = 60
# Telemetry comes every second; a pump that is silent for longer is lost to its host.
LOST_S = 10.0
_STOPPED_BY_ALARM = ("ALARM_STOPPED", "BACK_OFF", "FAULT")
_INTERRUPTED = ac.ALARM_CONDITIONS[ac.INTERRUPTED][ac.COL_NAME]


class SimulateError(Exception):
    """Nothing was run, and nothing written: ``lines`` say why, one reason each."""

    def __init__(self, exit_code: int, lines: list[str]):
        super().__init__("; ".join(lines))
        self.exit_code = exit_code
        self.lines = lines


@dataclass
class InCourse:
    """A run that belongs to a course record: the file, when it starts, and what is found."""

    path: Path
    at: datetime
    record: CourseRecord = CourseRecord()
    order: Order | None = None
    day: DayPlan | None = None

    def add(self, summary: Summary) -> None:
        """Append what the run came to, and write the record whole.  Raises ``OSError``."""
        assert self.order is not None and self.day is not None
        session = session_of(self.order, self.day, self.at, summary)
        write_record(self.path, self.record.with_session(session))


def program_for(day: DayPlan, order: Order) -> Program:
    """What goes over the serial line for ``day``."""
    return Program(
        vtbi_ul=day.volume_ul,
        dose_mg=day.dose_mg,
        concentration_mg_ml=day.concentration_mg_ml,
        weight_g=day.weight_g,
        cap_ul_h=day.cap_ul_h,
        rungs=tuple((rung.rate_ul_h, -(-rung.dwell_ms // 1000)) for rung in day.rungs),
        slew_ul_h_s=day.slew_ul_h_s,
        kvo_ul_h=order.limits.kvo_ul_h,
        occlusion_pa=order.limits.occlusion_pa,
        check_s=day.check_interval_ms // 1000,
        link_timeout_s=0 if day.home else CLINIC_LINK_TIMEOUT_S,
    )


def compile_order(
    path: str,
    day_number: int,
    today: date,
    faults: tuple[FaultSpec, ...],
    seed: int,
    library_directory: Path | None = None,
    course: InCourse | None = None,
) -> RunSpec:
    """The run that the order file ``path`` asks for, by the built-in library and the product
    files in ``library_directory``.  With ``course`` it is the next day by that record, whatever
    ``day_number`` says.

    Raises ``SimulateError`` with every reason when the order is wrong or refused.
    """
    try:
        library = load_library(library_directory)
        order = load_order(path, library)
        if course is not None:
            course.record = read_record(course.path, may_be_new=True)
    except (OrderError, LibraryError, RecordError) as error:
        raise SimulateError(exit_codes.WRONG_INPUT, error.lines()) from None
    if course is None:
        compiled = plan(order, library, today)
    else:
        compiled = plan_in_course(order, library, course.at, course.record)
    if compiled.refused:
        raise SimulateError(
            exit_codes.REFUSED, [reason.line(f"{path}: refused") for reason in compiled.refused]
        )
    if course is not None:
        day_number = 1
    elif day_number > len(compiled.days):
        raise SimulateError(
            exit_codes.WRONG_INPUT,
            [f"--day: {day_number}, expected 1 to {len(compiled.days)}: the order's days"],
        )
    day = compiled.days[day_number - 1]
    if course is not None:
        course.order, course.day = order, day
    person = Person(
        order.person.confirms,
        float(order.person.confirm_after_s),
        tuple((action.at_ms, action.do) for action in order.person.actions),
    )
    return RunSpec(
        program=program_for(day, order),
        person=person,
        faults=faults,
        seed=seed,
        bag_ul=day.volume_ul + OVERFILL_UL,
        about=_about(order, compiled, day, library),
    )


def _about(order: Order, compiled: Plan, day: DayPlan, library: Library) -> dict:
    """What the report tells beside the run itself."""
    return {
        "order_name": Path(order.path).name,
        "order_text": order.text,
        "order_sha256": order.sha256,
        "day": day.day,
        "days": len(compiled.days),
        "product": compiled.product,
        "product_title": library.products[compiled.product].name,
        "indication": compiled.indication,
        "cap_source": day.cap_source,
        "ladder_source": day.ladder_source,
        "rungs": [{"why": rung.why, "cap_source": rung.cap_source} for rung in day.rungs],
        "warnings": [f"{warning.field} {warning.message}" for warning in compiled.warnings],
        "sources": [
            {"text": f"{source.text} ({source.standing}, {source.date})", "checked": source.checked}
            for source in compiled.sources
        ],
    }


def exit_code_of(summary: Summary) -> int:
    """4 if an alarm stopped the infusion, or has kept it from being taken up after a
    reset; 5 if the pump was not heard of at the end; 0 if the infusion was completed
    and what reached the patient is what was ordered; else 1."""
    if summary.state in _STOPPED_BY_ALARM or any(
        alarm.stopped_s is not None or alarm.id == _INTERRUPTED for alarm in summary.alarms
    ):
        return exit_codes.ALARM
    if summary.unheard_s > LOST_S:
        return exit_codes.NO_DEVICE
    if summary.state != "COMPLETE" or summary.fluid_excess_ml > 0:
        return exit_codes.FAILED
    return exit_codes.DONE


def _after_reset(summary: Summary) -> str:
    """What became of the infusion."""
    if summary.recovered_ml is None:
        return "the infusion was not taken up again; the pump has not said what was delivered"
    return (
        f"the infusion was not taken up by itself; the pump recovered "
        f"{summary.recovered_ml:.3f} mL as delivered"
    )


@dataclass(frozen=True)
class Result:
    """A run that was made, judged and written down."""

    summary: Summary
    speedup: float
    report: Path
    trace: Path
    never_happened: tuple[str, ...]

    def exit_code(self) -> int:
        """See ``exit_code_of``."""
        return exit_code_of(self.summary)

    def document(self) -> dict:
        """What ``--json`` prints."""
        return {
            **self.summary.figures(),
            "speedup": round(self.speedup, 1),
            "report": str(self.report),
            "trace": str(self.trace),
        }

    def print_text(self, out: TextIO) -> None:
        """What a person reads in the terminal."""
        s = self.summary
        print(f"state       {s.state}", file=out)
        if s.unheard_s > LOST_S:
            print(f"            as it said last, {s.unheard_s:.0f} s before the end", file=out)
        print(f"delivered   {s.delivered_ml:.3f} of {s.ordered_ml:.3f} mL", file=out)
        print(f"in patient  {s.fluid_ml:.3f} mL", file=out)
        if s.fluid_excess_ml > 0:
            print(f"            {s.fluid_excess_ml:.3f} mL MORE THAN ORDERED", file=out)
        if s.steps_back:
            back_ml = s.steps_back / units.STEPS_PER_ML
            print(f"backed off  {back_ml:.3f} mL, to relieve the line", file=out)
        print(f"duration    {s.duration_min:.1f} min", file=out)
        print(f"rate        at most {s.max_rate_ml_h:.1f} mL/h, cap {s.cap_ml_h:.1f}", file=out)
        for alarm in s.alarms:
            stopped = (
                ""
                if alarm.stopped_s is None
                else f", last step {(alarm.stopped_s - alarm.raised_s) * 1000:+.0f} ms"
            )
            print(
                f"alarm       {alarm.id} ({alarm.priority}) at {alarm.raised_s:.2f} s{stopped}",
                file=out,
            )
        if s.resets:
            print(f"resets      {s.resets}: {_after_reset(s)}", file=out)
        if s.self_test not in ("", "PASSED"):
            print(f"self-test   {s.self_test}", file=out)
        for fault in self.never_happened:
            print(f"note        {fault} never happened: the run ended before", file=out)
        print(f"speed       {self.speedup:.0f} x real time", file=out)
        print(f"report      {self.report}", file=out)
        print(f"trace       {self.trace}", file=out)


def simulate(
    spec: RunSpec, out: Path, show_progress: bool, course: InCourse | None = None
) -> Result:
    """Run ``spec`` and write report, trace and summary into ``out``; with ``course`` the session
    is added to its record.

    Raises ``SimulateError`` when the board did not take the order, ``OSError``
    when the files cannot be written.
    """
    from titra.progress import bar
    from titra.report import write_report

    if out.exists() and not out.is_dir():
        raise SimulateError(exit_codes.WRONG_INPUT, [f"--out: {out} is a file, expected a folder"])
    began = time.perf_counter()
    try:
        with bar(spec.program.vtbi_ul, show_progress) as advance:
            simulation = Simulation(spec, advance)
            lines = simulation.run()
    except Refused as refusal:
        raise SimulateError(exit_codes.REFUSED, [f"the board refused: {refusal}"]) from None
    except (LinkError, ReadBackError) as error:
        raise SimulateError(exit_codes.NO_DEVICE, [str(error)]) from None
    speedup = simulation.board.now_us / 1_000_000 / (time.perf_counter() - began)
    header = json.loads(lines[0])
    summary = summarize(header, [json.loads(line) for line in lines[1:]])
    out.mkdir(parents=True, exist_ok=True)
    begun = {event.text for event in summary.events if event.kind == "fault"}
    result = Result(
        summary,
        speedup,
        out / "report.html",
        out / "trace.jsonl",
        tuple(f.text() for f in spec.faults if f"{f.text()} begins" not in begun),
    )
    write_whole(result.trace, simulation.recorder.text())
    write_report(result.report, header, summary, result.trace.name)
    if course is not None:
        course.add(summary)
    write_whole(out / "summary.json", json.dumps(result.document(), indent=2) + "\n")
    return result
