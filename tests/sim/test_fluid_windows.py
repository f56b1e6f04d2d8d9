"""What reaches the patient, in the fluid and not in steps: no 2 min hold more than
the cap and 5 %.  (L14, M1)"""

import pytest
from pump_bench import Bedside, program

CAP_UL_H = 300_000
WINDOW_S = 120
MOST_UL = CAP_UL_H / 3600 * WINDOW_S * 1.05


def fullest_window(volumes_ul: list[float]) -> float:
    """Of samples a second apart."""
    return max(b - a for a, b in zip(volumes_ul, volumes_ul[WINDOW_S:], strict=False))


def live(bed: Bedside, seconds: int, volumes_ul: list[float]) -> None:
    for _ in range(seconds):
        bed.board.run_until(bed.board.now_us + 1_000_000)
        volumes_ul.append(bed.board.line.patient_ul)


@pytest.mark.req("L14", "M1")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_two_minutes_hold_more_fluid_than_the_cap_and_5_percent(seed):
    bed = Bedside(seed).start(program((CAP_UL_H, 600), ml=40, conc=100))
    volumes: list[float] = []
    live(bed, 150, volumes)
    bed.client.request("PAUSE")
    live(bed, 5, volumes)
    bed.client.request("RESUME")
    live(bed, 100, volumes)
    for _ in range(20):
        bed.board.stall(15_000, irqs_off=False)  # ticks that come late
        live(bed, 1, volumes)
    live(bed, 30, volumes)
    assert 0.9 * CAP_UL_H / 3600 * WINDOW_S < fullest_window(volumes) <= MOST_UL


@pytest.mark.req("L14", "L10")
def test_with_an_occlusion_in_it_the_bolus_of_its_release_is_all_there_is_beyond():
    bed = Bedside(4).start(program((CAP_UL_H, 600), ml=40, conc=100))
    volumes: list[float] = []
    live(bed, 130, volumes)
    bed.fault("downstream-occlusion")
    live(bed, 20, volumes)
    bed.undo("downstream-occlusion")
    live(bed, 5, volumes)
    bed.client.request("RESET")
    bed.client.request("RESUME")
    live(bed, 130, volumes)
    assert fullest_window(volumes) <= MOST_UL + 200
