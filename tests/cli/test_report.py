"""The report of a run: whole, self-contained, and faithful to the summary."""

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from host_sim.client import frame
from titra.report import EVENTS_MAX, outcome, write_report
from titra.report_lane import lane_of, state_spans
from titra.report_plots import planned_ladder, thin
from titra.summary import Event, summarize

CAP_UL_H = 138_600
STEPS_PER_ML = 6400
REACHED_S = 40
END_S = 600


def header(**about):
    return {
        "format": "titra-trace/1",
        "firmware": {"version": "0.1.0", "sha256": "ab" * 32},
        "seed": 7,
        "bag_ul": 500_000,
        "program": {
            "vtbi_ul": 400_000,
            "dose_mg": 40_000,
            "concentration_mg_ml": 100,
            "weight_g": 70_000,
            "cap_ul_h": CAP_UL_H,
            "rungs": [[36_000, 1800], [CAP_UL_H, 1800]],
            "slew_ul_h_s": 1000,
            "kvo_ul_h": 0,
            "occlusion_pa": 60_000,
            "check_s": 1800,
            "link_timeout_s": 0,
        },
        "person": {"confirms": True, "confirm_after_s": 0.0, "actions": []},
        "faults": [],
        "about": about,
    }


def sample(second, edges, down_pa=5000):
    return {
        "us": second * 1_000_000,
        "edges": edges,
        "down_pa": down_pa,
        "up_pa": 6000,
        "flow_ul_h": 36_000,
        "patient_ul": edges * 1000 // STEPS_PER_ML,
        "bag_ul": 400_000,
    }


def pushed(second, mark, *fields):
    line = frame(f"{mark},1,{second}.000000,{','.join(fields)}").decode().rstrip("\n")
    return {"us": int(second * 1_000_000), "pump": line}


def telemetry(second, state="INFUSING", rate_ul_h=36_000, rung=0):
    return pushed(second, "!T", state, str(rung), str(rate_ul_h), "0", "5000", "6000", "0", "0")


def records(alarm_s=None, peak_pa=5000):
    """36 mL/h (64 edges a second) for 10 min, or until an alarm stops it."""
    rows = [
        {"us": 0, "pin": "ENABLE", "level": 1, "last_edge_us": 0},
        {"us": 0, "start": 0},
        pushed(0, "!S", "READY", "INFUSING"),
        {"us": 10_000, "host": "1 START*0000\n"},
    ]
    edges = 0
    for second in range(1, END_S):
        stopped = alarm_s is not None and second > alarm_s
        edges += 0 if stopped else 64
        rows.append(sample(second, edges, peak_pa if second == alarm_s else 5000))
        rows.append(telemetry(second, "ALARM_STOPPED" if stopped else "INFUSING"))
        if second == 300:
            rows.append(pushed(300, "!Q", "1", "STEP_UP", "1"))
            rows.append({"us": 302_000_000, "host": "5 CONFIRM 1*0000\n"})
        if second == alarm_s:
            at_us = second * 1_000_000
            rows += [
                {"us": at_us, "fault": "downstream-occlusion@500s", "what": "begins"},
                {"us": at_us + 2_000, "pin": "ENABLE", "level": 0, "last_edge_us": at_us + 1_500},
                pushed(second, "!S", "INFUSING", "ALARM_STOPPED"),
                pushed(second, "!A", "DOWNSTREAM_OCCLUSION", "HIGH", "RAISED"),
            ]
    return rows


@pytest.fixture
def report(tmp_path):
    """Writes a report of a small run; returns its text and its summary."""

    def report(head=None, rows=None):
        head = head or header()
        summary = summarize(head, records() if rows is None else rows)
        path = tmp_path / "report.html"
        write_report(path, head, summary, "small.jsonl")
        return path.read_text(encoding="utf-8"), summary

    return report


class Page(HTMLParser):
    """Collects tags, with their attributes, and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.words = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def test_the_page_needs_nothing_but_itself(report):
    text, _ = report()
    assert not re.search(r"https?:|@import|//[a-z]", text)
    loaded = {"script", "link", "img", "iframe", "object", "embed", "audio", "video", "base"}
    for tag, attrs in Page(text).tags:
        assert tag not in loaded
        assert "src" not in attrs
        for name in ("href", "xlink:href"):
            assert attrs.get(name, "#").startswith("#")
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", text))


@pytest.mark.req("M19")
def test_the_banner_says_that_it_is_not_for_people(report):
    text, _ = report()
    banner = text[text.index('class="banner"') : text.index("<main>")]
    for words in ("bench and research device", "not a medical device", "never be used on people"):
        assert words in re.sub(r"\s+", " ", banner)


def test_the_figures_are_those_of_the_summary(report):
    text, summary = report()
    assert summary.delivered_ml == pytest.approx(599 * 64 / STEPS_PER_ML)
    shown = Page(text).text
    for name, value in (
        ("Delivered", f"{summary.delivered_ml:g} mL"),
        ("Ordered", f"{summary.ordered_ml:g} mL"),
        ("In the patient", f"{summary.fluid_ml:g} mL"),
        ("Duration", f"{round(summary.duration_min, 3):g} min"),
        ("Highest rate", f"{summary.max_rate_ml_h:g} mL/h"),
        ("Cap", f"{summary.cap_ml_h:g} mL/h"),
        ("STEP edges", f"{summary.steps:,}".replace(",", " ")),
    ):
        assert re.search(rf"{name}\s+{re.escape(value)}", shown), name


def test_an_alarm_is_named_with_its_time_and_latency(report):
    text, summary = report(rows=records(alarm_s=500, peak_pa=61_000))
    assert summary.alarms[0].stopped_s == pytest.approx(500.0015)
    glance = Page(text[: text.index("</header>")]).text
    assert "Stopped by an alarm" in glance
    assert "Downstream occlusion" in glance
    assert "HIGH priority, at 0:08:20" in glance
    table = Page(text[text.index("<h2>Alarms") : text.index("<h2>Events")]).text
    for words in ("DOWNSTREAM_OCCLUSION", "HIGH", "0:08:20.000", "0:08:20.002", "+1.5"):
        assert words in table
    assert "downstream-occlusion@500s" in text


def test_a_rung_shows_when_it_was_asked_for_and_answered(report):
    text, _ = report()
    rungs = Page(text[text.index("<h2>Rungs as lived") : text.index("<h2>Alarms")]).text
    assert re.search(r"0 36 0:00:01.00 0:00:01.00 10.0 min 30 min 0:05:00.00 0:05:02.00 1 0", rungs)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "</pre><img src=x onerror=alert(1)>",
        "\"'><b>",
        "$x^2$ {{ 7*7 }}",
    ],
)
def test_no_text_out_of_a_trace_breaks_out(report, hostile):
    head = header(
        order_name=hostile,
        order_text=hostile,
        product_title=hostile,
        indication=hostile,
        cap_source=hostile,
        rungs=[{"why": hostile, "cap_source": hostile}],
        warnings=[hostile, {"code": "X", "message": hostile}],
        sources=[{"text": hostile, "checked": True}],
    )
    rows = records()
    rows.insert(9, {"us": 3_000_000, "host": f"3 {hostile} x*0000\n"})
    rows.insert(9, {"us": 3_000_000, "fault": hostile, "what": "begins"})
    text, _ = report(head, rows)
    tags = {tag for tag, _ in Page(text).tags}
    assert not tags & {"script", "img", "b"}
    assert unescape(re.search(r"<pre[^>]*>(.*?)</pre>", text, re.S)[1]) == hostile


def test_the_same_run_gives_the_same_bytes(tmp_path):
    head, rows = header(order_name="a.toml"), records(alarm_s=500)
    for name in ("a.html", "b.html"):
        write_report(tmp_path / name, head, summarize(head, rows), "small.jsonl")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_both_figures_are_there_and_share_no_id(report):
    text, _ = report()
    assert text.count('class="plot plot-wide"') == text.count('class="plot plot-narrow"') == 1
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:url\(|href=")#([^)"]+)', text):
        assert target in ids


def test_a_directory_in_the_way_is_an_error_and_nothing_is_left(tmp_path):
    head = header()
    summary = summarize(head, records())
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError):
        write_report(tmp_path / "report.html", head, summary, "t")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(OSError):
        write_report(tmp_path / "missing" / "report.html", head, summary, "t")


def test_a_full_disk_leaves_the_old_report_as_it_was(tmp_path, monkeypatch):
    head = header()
    summary = summarize(head, records())
    path = tmp_path / "report.html"
    path.write_text("old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("titra.report.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_report(path, head, summary, "t")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_a_trace_that_says_nothing_still_makes_a_report(report):
    head = header()
    for key in ("firmware", "seed", "bag_ul", "person", "faults", "about"):
        del head[key]
    text, summary = report(head, [])
    assert summary.steps == 0
    assert "Never started" in text


def test_events_beyond_the_limit_are_counted(report):
    rows = records()
    rows += [{"us": END_S * 1_000_000, "host": f"{n % 9} HOLD*0000\n"} for n in range(EVENTS_MAX)]
    text, summary = report(rows=rows)
    more = len(summary.events) - EVENTS_MAX
    assert more > 0
    assert f"{more} more are in the trace" in text
    assert len(text) < 1_500_000


def test_a_rate_above_the_cap_comes_before_every_other_news():
    rows = [*records(), telemetry(END_S, rate_ul_h=CAP_UL_H + 100)]
    verdict = outcome(summarize(header(), rows))
    assert (verdict.tone, verdict.words) == ("bad", "Over the cap")


@pytest.mark.parametrize(
    ("state", "tone"),
    [
        ("COMPLETE", "good"),
        ("PAUSED", "warn"),
        ("STOPPED", "warn"),
        ("ALARM_STOPPED", "bad"),
        ("FAULT", "bad"),
    ],
)
def test_the_state_at_the_end_sets_the_tone(state, tone):
    assert outcome(shortened(400.0, state)).tone == tone


def shortened(delivered_ml, state="COMPLETE"):
    summary = summarize(header(), [*records(), telemetry(END_S, state, 0)])
    return replace(summary, delivered_ml=delivered_ml)


def test_complete_with_less_than_the_order_is_no_success():
    assert outcome(shortened(399.0)).words == "Less than was ordered"


def test_one_step_more_than_the_order_is_told():
    assert outcome(shortened(400.0)).words == "Complete"
    assert outcome(shortened(400.0 + 1 / STEPS_PER_ML)).words == "More than was ordered"


def test_the_planned_ladder_ends_with_the_volume():
    times, rates = planned_ladder(header()["program"])
    pieces = zip(times, times[1:], rates, rates[1:], strict=False)
    volume = sum((t1 - t0) * (r0 + r1) / 2 / 3600 for t0, t1, r0, r1 in pieces)
    assert volume == pytest.approx(400, abs=0.01)
    assert max(rates) == CAP_UL_H / 1000


def test_thinning_keeps_peaks_and_drops_flat_runs():
    values = [5.0] * 1000 + [9.0] + [5.0] * 1000
    times, kept = thin(range(len(values)), values, 0.01)
    assert len(times) == 5
    assert max(kept) == 9.0


def test_a_silent_pump_shows_as_no_telemetry():
    rows = [row for row in records() if not 200_000_000 < row["us"] < 290_000_000]
    spans = state_spans(summarize(header(), rows), END_S - 1, 5.0)
    assert [span.state for span in spans] == ["INFUSING", "no telemetry", "INFUSING"]


@pytest.mark.parametrize("width", [780, 320])
def test_no_two_labels_of_the_lane_overlap(width):
    summary = summarize(header(), records(alarm_s=500))
    kinds = ("question", "answer", "command", "fault", "alarm", "refused")
    crowd = [
        Event(t_s * 7.0, kind, f"{kind.upper()} {t_s}") for t_s in range(0, 80, 3) for kind in kinds
    ]
    crowded = replace(summary, events=(*summary.events, *crowd))
    font = 12
    lane = lane_of(crowded, END_S, width, font, width < 500, 5.0)
    boxes = []
    for label in lane.labels:
        if label.align == "center":
            continue
        # Narrower than the room that is set aside, as fonts are.
        text_width = len(label.text) * font * 0.5
        start = label.t_s / END_S * width / 1.012 + label.dx
        start -= text_width if label.align == "right" else 0
        boxes.append((label.y, start, start + text_width))
        assert 0 < label.y < lane.height
    boxes.sort()
    assert len(boxes) > 20
    for (y0, _, end), (y1, start, _) in zip(boxes, boxes[1:], strict=False):
        assert y0 != y1 or end <= start
