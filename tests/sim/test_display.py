"""The display as an eye sees it: dots, read by the shapes of the letters alone."""

from __future__ import annotations

import pytest
from pump_bench import Bedside, program

from host_sim.display import HEIGHT, WIDTH
from pump.core import alarm_conditions as ac
from pump.core import infusion_state as st
from titra import glyphs
from titra.display_picture import dots_of_text
from titra.monitor import SCREEN_ROWS

# What somebody waits at most for a new text: composed twice a second, then sent.
BEHIND_S = 1.6
# Where letters stand: (first dot across, first down, dots of a dot, letters).
HEAD = (1, 56, 1, 21)
RATE = (0, 0, 3, 5)
RUNG = (96, 8, 1, 5)
UPPER = (4, 24, 2, 10)
LOWER = (4, 40, 2, 10)
# On the bus with its address: 9 bits a byte at 400 kHz, a tick has 5 ms (L24).
LONGEST_BYTES = 26
SHAPES = {
    columns: character
    for character, columns in glyphs.drawn(glyphs.DRAWN.read_text(encoding="utf-8")).items()
}
SHAPES[(0,) * 5] = " "


def read(dots: list[str], where: tuple[int, int, int, int]) -> str:
    """The letters there; a shape that is no letter's, or has a stray dot, is ``\u00bf``."""
    x0, y0, size, n = where
    said = ""
    for i in range(n):
        columns = []
        is_clean = True
        for column in range(6):
            value = 0
            for row in range(8):
                block = {
                    dots[y0 + row * size + dy][x0 + (i * 6 + column) * size + dx]
                    for dy in range(size)
                    for dx in range(size)
                }
                is_clean = is_clean and len(block) == 1
                value |= ("#" in block) << row
            columns.append(value)
        is_clean = is_clean and columns[5] == 0
        said += SHAPES.get(tuple(columns[:5]), "\u00bf") if is_clean else "\u00bf"
    return said


def seen(bed: Bedside, where: tuple[int, int, int, int]) -> str:
    return read(bed.board.display.rows(), where).strip()


@pytest.fixture
def idle() -> Bedside:
    bed = Bedside()
    bed.listen(2)
    return bed


@pytest.fixture
def infusing() -> Bedside:
    bed = Bedside().start(program((60_000, 600), (120_000, 600), ml=20))
    bed.listen(10)
    return bed


def test_before_an_order_it_says_what_it_is_and_that_it_is_not_for_people(idle):
    assert seen(idle, HEAD) == "NOT FOR USE ON PEOPLE"
    assert seen(idle, RATE) == "TITRA"
    assert seen(idle, UPPER) == "NO ORDER"
    assert idle.board.display.unknown == 0


def test_it_shows_rate_rung_and_volume_as_telemetry_has_them(infusing):
    bed = infusing
    told = bed.client.query_fields("STATUS?")
    bed.listen(BEHIND_S)
    assert seen(bed, RATE) == f"{int(told['rate_ul_h']) / 1000:.1f}" == "60.0"
    assert seen(bed, RUNG) == "1/2"
    assert seen(bed, HEAD) == "INFUSING"
    later = bed.client.query_fields("STATUS?")
    least, most = (int(t["delivered_ul"]) // 100 / 10 for t in (told, later))
    assert least <= float(seen(bed, UPPER).removesuffix(" mL")) <= most


def test_another_order_is_another_number_of_rungs(idle):
    bed = idle
    bed.client.hello()
    for n in (2, 3):
        bed.client.load(program(*[((i + 1) * 30_000, 600) for i in range(n)], ml=20))
        bed.listen(BEHIND_S)
        assert seen(bed, RUNG) == f"1/{n}"


def test_what_follows_is_said_by_turns(infusing):
    bed = infusing
    lines = set()
    for _ in range(20):
        bed.listen(1)
        lines.add(seen(bed, LOWER)[:3])
    assert lines == {"LEF", "ASK", "OF "}
    assert "\u00bf" not in "".join(lines)


def test_a_question_asks_for_the_key_that_answers_it(infusing):
    bed = infusing
    bed.listen(606)
    assert seen(bed, UPPER) == "STEP UP?"
    assert seen(bed, LOWER) == "PRESS OK"


def test_an_alarm_takes_the_large_lines_at_once_and_gives_them_back(infusing):
    bed = infusing
    bed.fault("door-open")
    bed.listen(BEHIND_S)
    assert (seen(bed, UPPER), seen(bed, LOWER)) == ("DOOR", "OPEN")
    assert seen(bed, HEAD).split() == ["ALARM", "STOPPED", "HIGH"]
    assert seen(bed, RATE) == "0.0"


@pytest.mark.req("M12")
def test_a_severe_reaction_is_said_in_the_place_of_any_alarm(infusing):
    bed = infusing
    bed.client.request("SEVERE")
    bed.fault("door-open")
    bed.listen(BEHIND_S)
    assert (seen(bed, UPPER), seen(bed, LOWER)) == ("SEVERE", "REACTION")
    assert seen(bed, HEAD).split() == ["SEVERE", "HIGH"]


@pytest.mark.parametrize("row", ac.ALARM_CONDITIONS, ids=lambda row: row[ac.COL_NAME])
def test_every_alarm_has_two_lines_that_fit_and_that_no_other_has(row):
    text = row[ac.COL_SCREEN].decode()
    lines = text.split("|")
    assert len(lines) == 2
    assert all(0 < len(line) <= 10 and set(line) <= set(SHAPES.values()) for line in lines)
    assert sum(other[ac.COL_SCREEN].decode() == text for other in ac.ALARM_CONDITIONS) == 1


@pytest.mark.parametrize("state", range(st.N_STATES), ids=st.STATE_NAMES)
def test_every_state_is_said_in_letters_that_are_drawn_and_in_dots_that_are_there(idle, state):
    bed = idle
    controller = bed.board.application.controller
    screen = bed.board.application.screen
    controller.rx.n_rungs = 12
    controller.titration.rung = 11
    controller.rx.vtbi_ul = 2_000_000
    controller.state = state
    for _ in range(200):
        screen.step()
    while screen.is_due:
        screen.step()
    screen.take_rows()
    rows = [row.decode() for row in screen.rows]
    assert set("".join(rows)) <= set(SHAPES.values())
    assert dots_of_text(rows) == bed.board.display.rows()


def test_the_line_says_what_the_eye_sees(infusing):
    bed = infusing
    bed.fault("door-open")
    bed.listen(BEHIND_S)
    told = bed.client.query_fields("SCREEN?")
    assert told["fitted"] == "1"
    assert dots_of_text([told[name] for name in SCREEN_ROWS]) == bed.board.display.rows()


@pytest.mark.req("L24")
def test_no_tick_sends_more_than_one_short_piece(infusing):
    bed = infusing
    display = bed.board.display
    sent: dict[int, list[int]] = {}
    receive = display.receive

    def watched(data: bytes) -> int:
        sent.setdefault(bed.board.now_us, []).append(len(data) + 1)
        return receive(data)

    display.receive = watched
    bed.fault("door-open")
    bed.listen(130)  # with a renewal of everything
    assert len(sent) > 100
    assert max(map(len, sent.values())) <= 1
    assert max(max(pieces) for pieces in sent.values()) <= LONGEST_BYTES


@pytest.mark.req("L8")
def test_a_display_pulled_and_put_back_changes_no_step():
    def run(pulled: bool) -> tuple[list, list[str]]:
        bed = Bedside().start(program((60_000, 600), ml=20))
        bed.listen(5)
        display = bed.board.display
        if pulled:
            display.is_present = False
        bed.listen(20)
        if pulled:
            display.power_on()
            assert display.rows() == ["." * WIDTH] * HEIGHT
            display.is_present = True
        bed.listen(14)
        return bed.board.edge_log, bed.board.display.rows()

    edges, dots = run(False)
    edges_pulled, dots_pulled = run(True)
    assert len(edges) > 500
    assert edges_pulled == edges
    assert read(dots_pulled, RATE) == read(dots, RATE)
    assert "\u00bf" not in read(dots_pulled, HEAD) + read(dots_pulled, UPPER)


def test_what_interference_left_is_gone_within_a_minute(infusing):
    bed = infusing
    for at in range(WIDTH):
        bed.board.display.memory[at] ^= 0x10
    assert "\u00bf" in seen(bed, RATE)
    bed.listen(62 + BEHIND_S)
    assert seen(bed, RATE) == "60.0"


def test_the_table_of_letters_is_made_of_the_drawings():
    assert glyphs.TABLE.read_text(encoding="utf-8") == glyphs.table()


@pytest.mark.parametrize(
    "drawing, line", [("A\n" + ".....\n" * 6 + "....\n", 8), ("A B\n" + "..#..\n" * 7, 2)]
)
def test_a_wrong_drawing_is_named_by_its_line(drawing, line):
    with pytest.raises(ValueError, match=f"^line {line}:"):
        glyphs.drawn(drawing)
