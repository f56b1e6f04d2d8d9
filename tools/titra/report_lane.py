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
_CAPITAL_WIDTH = 0.72
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
    "BACK_OFF": "st-back",
}
_SHORT_KIND = {"STEP_UP": "up "}
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


class _Place(NamedTuple):
    """Where a label goes: ``line`` counts down from the mark's own."""

    line: int
    start: float
    align: str
    dx: float
    text: str


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
    for seen_s, _, state in seen:
        t_s = max(0.0, seen_s)
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
    device = [e for e in events if e.kind in ("boot", "power", "crash", "self-test", "refused")]
    if device:
        placer.row("Device", [_device(event) for event in device])
    return placer.lane


def _words(name: str) -> str:
    return name.replace("_", " ").lower()


def _short(text: str) -> tuple[str, ...]:
    verb = text.split(" ")[0]
    return (text, verb) if verb != text else (text,)


def _question(event: Event) -> _Item:
    kind, _, number = event.text.rpartition(" ")
    short = f"{_SHORT_KIND.get(kind, '')}{number}"
    return _Item(event.t_s, (f"{_words(kind)} {number}", short, number), "v", "question")


def _answer(event: Event) -> _Item:
    verb, _, number = event.text.rpartition(" ")
    return _Item(event.t_s, (f"{verb.lower()} {number}", number), "^", "answer")


def _device(event: Event) -> _Item:
    """A reset and what comes with it, or lines refused: their count, or the reason's
    code."""
    if event.kind == "boot":
        texts: tuple[str, ...] = ("reset",)
    elif event.kind == "power":
        texts = (event.text, event.text.rpartition(" ")[2])
    elif event.kind == "crash":
        texts = ("crash",)
    elif event.kind == "self-test":
        texts = (f"self-test {event.text.lower()}", "self-test")
    elif event.text.endswith("lines refused"):
        texts = (event.text, "refused")
    else:
        texts = (f"refused: {event.text.split(' ')[0]}", "refused")
    return _Item(event.t_s, texts, "x", "device")


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
        widths = (_CAPITAL_WIDTH if char.isupper() else _CHAR_WIDTH for char in text)
        return sum(widths) * self._font * 0.92

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
            self.lane.labels.append(Label(0.0, 0, y, "left", "none", "muted", False))
        lines = self._labels(items, y, 0.0) if items else 1
        self._end(y, max(1, lines))

    def _labels(self, items: Sequence[_Item], y: float, above: float) -> int:
        """Put labels beside or below their marks; how many lines they take.

        ``above`` is 0 where the marks are on the first line itself; else the marks are bars,
        that far above it, and every label has a leader.  All labels of a row are of one kind:
        the longest kind that leaves none out, or else the shortest.
        """
        kinds = max((len(item.texts) for item in items), default=0)
        for kind in range(kinds):
            placed = self._attempt(items, kind, bool(above))
            is_last = kind == kinds - 1
            if is_last or all(place and place.line <= 1 for place in placed):
                break
        else:
            return 0
        used = 0 if above else 1
        for item, place in zip(items, placed, strict=True):
            if place is None:
                continue
            used = max(used, place.line + 1)
            at_y = y + place.line * self._line
            self.lane.labels.append(
                Label(item.t_s, place.dx, at_y, place.align, place.text, "ink", False)
            )
            if above or place.line:
                top = y - self._line * 0.55 if above else y + self._font * 0.3
                self.lane.leaders.append(
                    Leader(item.t_s, top, at_y + self._font * 0.4, item.colour)
                )
        return used

    def _attempt(self, items: Sequence[_Item], kind: int, is_below: bool) -> list[_Place | None]:
        """A place for the label of this ``kind`` of each item, ``None`` where none is free."""
        half = self._font * 0.45
        taken: list[list[tuple[float, float]]] = [[] for _ in range(_SUBLINES_MAX)]
        if not is_below:
            for item in items:
                x = self._x(item.t_s)
                taken[0].append((x - half, x + half + item.clear))
        # From the last to the first: the line to a label further down then never meets
        # the label of a later mark.
        places: list[_Place | None] = []
        for item in reversed(items):
            text = item.texts[min(kind, len(item.texts) - 1)]
            if len(text) > _LABEL_CHARS_MAX:
                text = text[: _LABEL_CHARS_MAX - 1] + "\u2026"
            place = self._place(item, text, taken, is_below)
            places.insert(0, place)
            if place is None:
                continue
            x = self._x(item.t_s)
            taken[place.line].append((place.start - 3, place.start + self._text_width(text) + 5))
            for upper in range(0 if is_below else 1, place.line):
                taken[upper].append((x - 1, x + 2))
        return places

    def _place(
        self, item: _Item, text: str, taken: list[list[tuple[float, float]]], is_below: bool
    ) -> _Place | None:
        """To the right of the mark if any line has room there, else to its left."""
        x = self._x(item.t_s)
        width = self._text_width(text)
        for align in ("left", "right"):
            for line in range(_SUBLINES_MAX):
                on_mark = line == 0 and not is_below
                dx = self._font * 0.6 if on_mark else 4.0
                dx = dx + item.clear * on_mark if align == "left" else -dx
                start = x + dx if align == "left" else x + dx - width
                if start < -2 or start + width > self._width + 6:
                    continue
                # The mark's own place does not count against its label.
                others = [s for s in taken[line] if not (on_mark and s[0] <= x <= s[1])]
                leader = [s for upper in range(0 if is_below else 1, line) for s in taken[upper]]
                if all(start + width <= s[0] or start >= s[1] for s in others) and not any(
                    s[0] <= x <= s[1] for s in leader
                ):
                    return _Place(line, start, align, dx, text)
        return None
