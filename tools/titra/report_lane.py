"""Where bars, marks and labels of a report's event lane go, so that none overlaps another.

Lengths are units of the figure's view box, counted down from the lane's top; times are
seconds since START.  Nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from titra.summary import Event, Summary

# Wider than any usual font, so that a label never needs more room than it was given.
_CHAR_WIDTH = 0.6
_SUBLINES_MAX = 3
_LABEL_CHARS_MAX = 34
_STATE_COLOUR = {
    "SELF_TEST": "st-idle",
    "IDLE": "st-idle",
    "READY": "st-idle",
    "INFUSING": "st-infusing",
    "RUNG_HELD": "st-held",
    "HOLD": "st-hold",
    "PAUSED": "st-paused",
    "KVO": "st-kvo",
    "STOPPED": "st-stopped",
    "ALARM_STOPPED": "st-alarm",
    "COMPLETE": "st-complete",
    "FAULT": "st-fault",
}
SILENT = "no telemetry"


class Span(NamedTuple):
    """A state that the pump was in."""

    start_s: float
    end_s: float
    state: str


class Bar(NamedTuple):
    start_s: float
    end_s: float
    top: float
    height: float
    colour: str


class Mark(NamedTuple):
    t_s: float
    y: float
    marker: str
    colour: str


class Label(NamedTuple):
    """``dx`` from the time's place to where the text is aligned."""

    t_s: float
    dx: float
    y: float
    align: str
    text: str
    colour: str
    is_bold: bool


class Leader(NamedTuple):
    """A thin line from a mark to its label further down."""

    t_s: float
    top: float
    bottom: float
    colour: str


@dataclass
class Lane:
    """Everything to draw, and how high it is."""

    height: float = 0.0
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    leaders: list[Leader] = field(default_factory=list)
    names: list[tuple[str, float]] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)


class _Item(NamedTuple):
    """Something to label: ``texts`` from the longest to the shortest that will do."""

    t_s: float
    texts: tuple[str, ...]
    marker: str
    colour: str
    clear: float = 0.0  # room that the mark itself takes, to its right
    text_colour: str = "ink"


def state_spans(summary: Summary, end_s: float, gap_s: float) -> list[Span]:
    """States over time, from what the pump pushed; ``SILENT`` where it sent no telemetry."""
    seen = [(row.t_s, 0, row.state) for row in summary.telemetry]
    seen += [(e.t_s, 1, e.text) for e in summary.events if e.kind == "state"]
    seen += [(e.t_s, 1, "SELF_TEST") for e in summary.events if e.kind == "boot"]
    seen.sort(key=lambda entry: entry[:2])
    for before, after in zip(summary.telemetry, summary.telemetry[1:], strict=False):
        if after.t_s - before.t_s > gap_s:
            seen.append((before.t_s + 1, 2, SILENT))
    if summary.telemetry and end_s - summary.telemetry[-1].t_s > gap_s:
        seen.append((summary.telemetry[-1].t_s + 1, 2, SILENT))
    seen.sort(key=lambda entry: entry[:2])
    spans: list[Span] = []
    for t_s, _, state in seen:
        t_s = max(0.0, t_s)
        if spans and spans[-1].state == state:
            continue
        if spans:
            spans[-1] = spans[-1]._replace(end_s=t_s)
        spans.append(Span(t_s, end_s, state))
    return [span for span in spans if span.end_s > span.start_s]


def lane_of(
    summary: Summary, end_s: float, width: float, font: float, is_narrow: bool, gap_s: float
) -> Lane:
    """The lane for a time axis of ``width`` that ends at ``end_s``."""
    placer = _Placer(end_s, width, font, is_narrow)
    placer.states(state_spans(summary, end_s, gap_s))
    events = [event for event in summary.events if event.t_s >= -0.005]
    priority = {alarm.id: alarm.priority.lower() for alarm in summary.alarms}
    placer.row(
        "Alarms",
        [
            _Item(e.t_s, (_words(e.text),), "D", priority.get(e.text, "high"))
            for e in events
            if e.kind == "alarm"
        ],
    )
    placer.row("Questions", [_question(e) for e in events if e.kind == "question"])
    placer.row("Answers", [_answer(e) for e in events if e.kind == "answer"])
    placer.row(
        "Commands",
        [_Item(e.t_s, _short(e.text), "|", "command") for e in events if e.kind == "command"],
    )
    placer.row("Faults", _faults(events), _fault_bars(events))
    device = [e for e in events if e.kind in ("boot", "refused")]
    if device:
        placer.row(
            "Device",
            [
                _Item(e.t_s, ("reset" if e.kind == "boot" else e.text.lower(),), "x", "device")
                for e in device
            ],
        )
    return placer.lane


def _words(name: str) -> str:
    return name.replace("_", " ").lower()


def _short(text: str) -> tuple[str, ...]:
    verb = text.split(" ")[0]
    return (text, verb) if verb != text else (text,)


def _question(event: Event) -> _Item:
    kind, _, number = event.text.rpartition(" ")
    return _Item(event.t_s, (f"{_words(kind)} {number}", number), "v", "question")


def _answer(event: Event) -> _Item:
    verb, _, number = event.text.rpartition(" ")
    return _Item(event.t_s, (f"{verb.lower()} {number}", number), "^", "answer")


def _fault_name(text: str) -> tuple[str, str]:
    spec, _, what = text.rpartition(" ")
    return spec.partition("@")[0], what


def _faults(events: Iterable[Event]) -> list[_Item]:
    """Where each begins; the end of one is the end of its bar."""
    items = []
    for event in events:
        if event.kind == "fault":
            name, what = _fault_name(event.text)
            if what != "ends":
                items.append(_Item(event.t_s, (name,), "s", "fault"))
    return items


def _fault_bars(events: Iterable[Event]) -> list[tuple[float, float, str]]:
    begun: dict[str, float] = {}
    bars = []
    for event in events:
        if event.kind != "fault":
            continue
        spec, _, what = event.text.rpartition(" ")
        if what == "begins":
            begun[spec] = event.t_s
        elif what == "ends" and spec in begun:
            bars.append((begun.pop(spec), event.t_s, "fault"))
    return bars


class _Placer:
    """Fills a lane from the top, row after row."""

    def __init__(self, end_s: float, width: float, font: float, is_narrow: bool):
        self.lane = Lane()
        self._scale = width / (end_s * 1.012)
        self._origin = 0.006 * width
        self._width = width
        self._font = font
        self._line = font * 1.35
        self._is_narrow = is_narrow

    def _x(self, t_s: float) -> float:
        return self._origin + t_s * self._scale

    def _text_width(self, text: str) -> float:
        return len(text) * self._font * 0.92 * _CHAR_WIDTH

    def _begin(self, name: str) -> float:
        """Centre of the first line of a new row; on narrow pages its name stands above."""
        top = self.lane.height
        if top:
            self.lane.rules.append(top)
        top += self._font * 0.35
        if self._is_narrow:
            self.lane.names.append((name, top + self._line / 2))
            top += self._line
        else:
            self.lane.names.append((name, top + self._line / 2))
        return top + self._line / 2

    def _end(self, y: float, lines: int) -> None:
        self.lane.height = y + self._line * (lines - 0.5) + self._font * 0.35

    def states(self, spans: Sequence[Span]) -> None:
        """Bars, with the name inside where it fits, else below."""
        y = self._begin("State")
        height = self._font * 1.3
        outside = []
        for span in spans:
            colour = "st-silent" if span.state == SILENT else _STATE_COLOUR.get(span.state)
            colour = colour or "st-idle"
            self.lane.bars.append(Bar(span.start_s, span.end_s, y - height / 2, height, colour))
            room = (span.end_s - span.start_s) * self._scale
            # Bold letters are wider.
            if self._text_width(span.state) * 1.12 + 8 <= room:
                middle = (span.start_s + span.end_s) / 2
                inside = "ink" if span.state == SILENT else "onbar"
                self.lane.labels.append(Label(middle, 0, y, "center", span.state, inside, True))
            else:
                outside.append(_Item(span.start_s, (span.state,), "", colour))
        lines = self._labels(outside, y + height * 0.1 + self._line, height / 2 + self._line)
        self._end(y, 1 + lines)

    def row(
        self, name: str, items: Sequence[_Item], bars: Iterable[tuple[float, float, str]] = ()
    ) -> None:
        y = self._begin(name)
        items = sorted(items, key=lambda item: item.t_s)
        clear = {}
        for start_s, end_s, colour in bars:
            self.lane.bars.append(Bar(start_s, end_s, y - 2.5, 5, colour))
            clear[start_s] = max(0.0, (end_s - start_s) * self._scale)
        items = [item._replace(clear=clear.get(item.t_s, 0.0)) for item in items]
        for item in items:
            self.lane.marks.append(Mark(item.t_s, y, item.marker, item.colour))
        if not items:
            self.lane.labels.append(
                Label(0.0, 0, y, "left", "none", "muted", False)
            )
        lines = self._labels(items, y, 0.0) if items else 1
        self._end(y, max(1, lines))

    def _labels(self, items: Sequence[_Item], y: float, above: float) -> int:
        """Put labels beside or below their marks, on as few lines as possible; how many.

        ``above`` is 0 where the marks are on the first line itself; else the marks are bars,
        that far above it, and every label has a leader.
        """
        free = [0.0] * _SUBLINES_MAX
        taken: list[list[tuple[float, float]]] = [[] for _ in range(_SUBLINES_MAX)]
        used = 0
        marks = [self._x(item.t_s) for item in items]
        if not above:
            half = self._font * 0.4
            taken[0] = [(x - half, x + half + item.clear) for x, item in zip(marks, items, strict=True)]
        del free
        for x, item in zip(marks, items, strict=True):
            placed = self._place(x, item, taken, bool(above))
            if placed is None:
                continue
            line, start, text, align, dx = placed
            width = self._text_width(text)
            taken[line].append((start - 3, start + width + 5))
            used = max(used, line + 1)
            at_y = y + line * self._line
            self.lane.labels.append(
                Label(item.t_s, dx, at_y, align, text, item.text_colour, False)
            )
            if above or line:
                top = y - self._line * 0.55 if above else y + self._font * 0.3
                bottom = at_y + self._font * 0.4
                self.lane.leaders.append(Leader(item.t_s, top, bottom, item.colour))
                for upper in range(line):
                    taken[upper].append((x - 1, x + 2))
        return used if above else max(1, used)

    def _place(
        self, x: float, item: _Item, taken: list[list[tuple[float, float]]], is_below: bool
    ) -> tuple[int, float, str, str, float] | None:
        """(line, start, text, alignment, dx) of the first place where a label fits."""
        for text in item.texts:
            text = text if len(text) <= _LABEL_CHARS_MAX else text[: _LABEL_CHARS_MAX - 1] + "\u2026"
            width = self._text_width(text)
            for line in range(_SUBLINES_MAX):
                on_mark = line == 0 and not is_below
                right = (self._font * 0.6 + item.clear) if on_mark else 4.0
                left = self._font * 0.6 if on_mark else 4.0
                for start, align, dx in (
                    (x + right, "left", right),
                    (x - left - width, "right", -left),
                ):
                    if start < -2 or start + width > self._width + 4:
                        continue
                    # On the mark's own line its own place does not count.
                    others = [
                        span
                        for span in taken[line]
                        if not (on_mark and span[0] <= x <= span[1])
                    ]
                    passes = all(
                        not (span[0] <= x <= span[1])
                        for upper in range(1 if not is_below else 0, line)
                        for span in taken[upper]
                    )
                    if passes and all(
                        start + width <= span[0] or start >= span[1] for span in others
                    ):
                        return line, start, text, align, dx
        return None
