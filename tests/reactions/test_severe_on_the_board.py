"""A severe reaction at the boundary: edges, ENABLE, sound, line, power.  (M12)"""

import pytest
from fault_bench import forward_edges
from pump_bench import Bedside, program
from test_stop_latency import STATES
from what_if import what_if

from host_sim.client import Client, Refused, frame
from host_sim.links import VirtualLink
from pump.core import event_log
from pump.hal import pinout
from pump.protocol import messages
from titra.event_log import read_log

LADDER = program((60_000, 600), (120_000, 600), ml=20, kvo_ul_h=1000)
SCENES = {name: reach for name, (reach, _) in STATES.items()}


def severe_at(bed: Bedside, us: int) -> None:
    seq = int(bed.client.status()["last_seq"]) + 1
    bed.send_at(us, frame(f"{seq} SEVERE"))
    bed.client._seq = seq


def refuses_everything(bed: Bedside) -> None:
    """Every verb that an operator or a supervisor has, and a whole new order."""
    steps = bed.board.step_edges
    for role in ("operator", "supervisor"):
        bed.client.login(role)
        with pytest.raises(Refused, match="SEVERE_LATCHED"):
            bed.client.load(LADDER)
        for row in messages.MESSAGES:
            verb = row[messages.COL_VERB].decode()
            if row[messages.COL_KIND] != messages.EVENT or verb in ("ACK", "SEVERE"):
                continue
            with pytest.raises(Refused) as refusal:
                bed.client.request(verb, *[a[1] for a in row[messages.COL_ARGUMENTS]])
            if verb != "COMMIT":
                assert refusal.value.code == "SEVERE_LATCHED", verb
        with pytest.raises(Refused, match="NOT_ALLOWED"):
            bed.client.request("UNLATCH")
    bed.client.stop()
    bed.listen(5)
    assert bed.state() == "SEVERE"
    assert bed.board.step_edges == steps and not bed.is_enabled()


@pytest.mark.req("M12", "L3")
@pytest.mark.parametrize("scene", SCENES)
def test_off_within_50_ms_of_its_line_feed_and_latched_in(bed, scene):
    SCENES[scene](bed)
    assert bed.state() == scene
    fed_us = bed.board.now_us + 3_700
    severe_at(bed, fed_us)
    bed.listen(1)
    print(f"{scene}: last edge {(bed.board.last_edge_us - fed_us) / 1000:.1f} ms after")
    assert bed.board.last_edge_us - fed_us <= 50_000
    for fall in bed.changes("ENABLE", fed_us):
        assert (fall.level, fall.us - fed_us <= 50_000) == (0, True)
    assert not bed.is_enabled()
    assert bed.state() == ("FAULT" if scene == "FAULT" else "SEVERE")
    if scene != "FAULT":
        assert bed.alarms()[-1] == "SEVERE_REACTION"
        assert bed.client.query_fields("ALARMS?")["first"] == "SEVERE_REACTION"
    # Whatever was open is closed, and the mark outlives the power.
    bed.fault("power-cut")
    bed.listen(12)
    assert bed.state() == "SEVERE"
    assert "INTERRUPTED" not in bed.alarms()
    bed.client.hello()
    refuses_everything(bed)


@pytest.mark.req("M12", "L3")
def test_at_full_rate_and_in_every_phase_of_a_tick():
    """From the line feed to the last edge, and to ENABLE low."""
    bed = Bedside().start(program((1_200_000, 600), ml=60)).listen(122)
    edge_ms, enable_ms, sound_ms = [], [], []
    for phase_us in range(0, 20_000, 500):

        def happens(phase_us: int = phase_us) -> tuple[int, int, int]:
            fed_us = bed.board.now_us + 5_000 + phase_us
            severe_at(bed, fed_us)
            bed.listen(1)
            (fall,) = bed.changes("ENABLE", fed_us)
            sound = next(pin for pin in bed.changes("SOUND", fed_us) if pin.level)
            return bed.board.last_edge_us - fed_us, fall.us - fed_us, sound.us - fed_us

        edge, enable, sound = what_if(happens)
        edge_ms.append(edge / 1000)
        enable_ms.append(enable / 1000)
        sound_ms.append(sound / 1000)
    print(
        f"n {len(edge_ms)}: last edge {max(edge_ms):.1f} ms, ENABLE {max(enable_ms):.1f} ms, "
        f"sound {max(sound_ms):.1f} ms at most"
    )
    assert max(edge_ms) <= 50 and max(enable_ms) <= 50 and max(sound_ms) <= 500


@pytest.fixture(scope="module")
def latched() -> Bedside:
    bed = Bedside(seed=3).start(LADDER).listen(15)
    bed.client.report_severe()
    return bed.listen(1)


@pytest.mark.req("M12")
@pytest.mark.parametrize("fault", ["reset", "power-cut", "cpu-hang", "brown-out"])
def test_nothing_that_resets_the_board_releases_it(latched, fault):
    def happens():
        for _ in range(2):
            latched.fault(fault)
            latched.listen(15)
        latched.client.hello()
        refuses_everything(latched)
        return latched.state()

    assert what_if(happens) == "SEVERE"


@pytest.mark.req("M12")
def test_maintenance_alone_releases_it_and_the_board_starts_anew(latched):
    def happens():
        client = latched.client
        client.login("maintenance")
        client.request("UNLATCH")
        latched.listen(15)
        client.hello()
        client.login("operator")
        assert latched.state() == "IDLE"
        codes = [
            record.code for record in read_log(client).records if record.kind == event_log.REACTION
        ]
        client.load(LADDER)
        client.request("START")
        steps = latched.board.step_edges
        latched.listen(20)
        moved = latched.board.step_edges > steps
        client.stop()
        client.login("maintenance")
        with pytest.raises(Refused, match="NOT_IN_THIS_STATE"):
            client.request("UNLATCH")
        return codes, moved, latched.board.crashes

    codes, moved, crashes = what_if(happens)
    assert codes == [event_log.SEVERE, event_log.UNLATCHED]
    assert moved and not crashes


@pytest.mark.req("M12", "L11")
def test_it_sounds_and_flashes_red_after_every_boot(latched):
    def happens():
        latched.fault("power-cut")
        latched.listen(12)
        since_us = latched.board.now_us
        latched.listen(10)
        sounds = [pin for pin in latched.changes("SOUND", since_us) if pin.level]
        red = [pin for pin in latched.changes("LAMP_RED", since_us) if pin.level]
        return len(sounds), len(red)

    sounds, red = what_if(happens)
    assert sounds >= 10 and red >= 15


@pytest.mark.req("M12", "F27")
def test_power_cut_in_the_write_of_the_mark_on_the_whole_board():
    """Either the mark is there after the boot, or nobody was told that it is; and
    nothing moves in either case."""
    bed = Bedside(seed=3).start(LADDER).listen(15)

    def written() -> int:
        before = bed.board.memory_supply.written
        bed.client.report_severe()
        return bed.board.memory_supply.written - before

    total = what_if(written)
    outcomes = set()
    for n in range(1, total, max(1, total // 25)):

        def happens(n: int = n) -> tuple[bool, str, bool]:
            bed.fault("power-cut-at-byte", n)
            resets = bed.board.resets
            told_us = bed.board.now_us
            said_ok = True
            try:
                bed.client.report_severe()
            except Exception:
                said_ok = False
            said_ok = said_ok and bed.board.resets == resets
            bed.listen(12)
            moved = forward_edges(bed, told_us + 100_000)
            return said_ok, bed.state(), not moved

        said_ok, state, is_still = what_if(happens)
        assert is_still and state in ("SEVERE", "ALARM_STOPPED")
        assert state == "SEVERE" or not said_ok, n
        outcomes.add((said_ok, state))
    print(f"{total} bytes, outcomes {sorted(outcomes)}")


@pytest.mark.req("M12")
def test_flash_that_takes_nothing_is_said_and_tried_again(bed):
    """Off all the same; the answer says that the latch is not stored."""
    bed.start(LADDER).listen(15)
    journal = bed.board.application.journal
    write = journal._flash.write
    journal._flash.write = lambda name, buffer, n: False
    with pytest.raises(Refused, match="STORAGE"):
        bed.client.report_severe()
    assert bed.state() == "SEVERE" and not bed.is_enabled()
    journal._flash.write = write
    bed.listen(1)
    assert journal.latch_is_stored
    bed.client.request("SEVERE")
    bed.fault("power-cut")
    bed.listen(12)
    assert bed.state() == "SEVERE"


@pytest.mark.req("M12")
def test_an_observer_cannot_latch_and_a_second_client_can_not_release(bed):
    bed.start(LADDER).listen(5)
    watcher = Client(VirtualLink(bed.board), key=None)
    assert watcher.query("ROLE?")[0] == "OPERATOR"  # the line has one conversation
    bed.client.logout()
    with pytest.raises(Refused, match="NOT_ALLOWED"):
        bed.client.request("SEVERE")
    assert bed.state() == "INFUSING"
    assert bed.board.levels[pinout.ENABLE] == 1
