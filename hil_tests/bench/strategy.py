"""How a bench is brought from off to infusing, and back after a trial.

A transition that fails ends the run with its reason: what follows would only be red for
the same one.
"""

from __future__ import annotations

from collections.abc import Callable

from hil_tests.bench.errors import BenchError, NoDevice
from hil_tests.promised import OCCLUSION_PA, SLEW_MAX_UL_H_S
from host_sim.client import Client, Program, ReadBackError, Refused
from host_sim.links import LinkError
from pump.core import infusion_state as st

OFF, BOOTED, READY, INFUSING = range(4)
NAMES = ("off", "booted", "ready", "infusing")
# States in which a session is open.
_OPEN = {st.STATE_NAMES[s] for s in range(st.N_STATES) if st.SESSION_STATES >> s & 1}
# How often somebody looks whether the rate is reached, and how long past its time.
_LOOK_S = 0.2
_SAY_S = 1.0
_LATE_S = 5.0


def order(
    rate_ul_h: int, *more: tuple[int, int], ul: int = 100_000, dwell_s: int = 7200, **settings
) -> Program:
    """A prescription for 70 kg of a 3 % solution at one rate, or on a ladder."""
    rungs = ((rate_ul_h, dwell_s), *more)
    if not more and rate_ul_h < 60_000:
        # A second rung keeps a slow order within six hours.
        rungs = ((rate_ul_h, 7200), (60_000, 600))
        ul = min(ul, 50_000)
    settings.setdefault("slew_ul_h_s", SLEW_MAX_UL_H_S)
    settings.setdefault("occlusion_pa", OCCLUSION_PA)
    settings.setdefault("cap_ul_h", max(rate for rate, _ in rungs))
    return Program(
        vtbi_ul=ul,
        dose_mg=ul * 30 // 1000,
        concentration_mg_ml=30,
        weight_g=70_000,
        rungs=rungs,
        **settings,
    )


class Strategy:
    """``state`` is where the device is, as far as it is known."""

    def __init__(
        self, client: Client, wait: Callable[[float], None], rise_s: Callable[[int], float]
    ):
        self.client = client
        self._wait = wait
        self._rise_s = rise_s
        self.state = OFF

    def boot(self) -> None:
        """It answers, its self-test has passed, its last session is closed."""
        self._go(BOOTED, self._boot)

    def ready(self, prescription: Program) -> None:
        self._go(READY, lambda: self._load(prescription))

    def infuse(self, prescription: Program) -> None:
        """Started, and at the first rung's rate."""
        self.ready(prescription)
        self._go(INFUSING, lambda: self._start(prescription))

    def _go(self, to: int, how: Callable[[], None]) -> None:
        step = f"{NAMES[self.state]} -> {NAMES[to]}"
        try:
            how()
        except Refused as refusal:
            said = f"{refusal.verb} was refused: {refusal.code} {refusal.text}".rstrip()
            raise BenchError(f"{step}: {said}{_advice(refusal)}") from None
        except LinkError as error:
            raise NoDevice(f"{step}: {error}") from None
        except ReadBackError as error:
            raise BenchError(
                f"{step}: the device read back another prescription: {error}"
            ) from None
        self.state = to

    def _boot(self) -> None:
        self.client.hello()
        result, item, absent = self.client.query("POST?")[:3]
        if result == "FAILED":
            raise BenchError(
                f"off -> booted: the self-test failed at {item}; docs/self_test.md says what "
                "that item looks at"
            )
        if absent not in ("0", "-", ""):
            self.absent = absent
        self._close_session()

    def _close_session(self) -> None:
        """Whatever was open, to IDLE or READY; ``Refused`` if the device will not."""
        for _ in range(4):
            state = self.client.status()["state"]
            if state == "READY":
                self.client.request("CANCEL")
            elif state in ("IDLE", "SELF_TEST"):
                return
            elif state == "FAULT":
                raise BenchError(
                    "the device is in FAULT, which only a power cycle leaves: switch it off and on"
                )
            elif state == "ALARM_STOPPED":
                self.client.request("RESET")
            elif state in _OPEN:
                if state not in ("PAUSED", "STOPPED", "COMPLETE"):
                    self.client.stop()
                    self._wait(0.1)
                elif state == "STOPPED":
                    self.client.request("RESET")
                self.client.request("END")
            else:
                self.client.request("END")
        raise BenchError(f"the device stays in {self.client.status()['state']}")

    def _load(self, prescription: Program) -> None:
        self.client.load(prescription)
        state = self.client.status()["state"]
        if state != "READY":
            raise BenchError(f"booted -> ready: the device is in {state} after COMMIT")

    def _start(self, prescription: Program) -> None:
        self.client.request("START")
        self.await_rate(prescription.rungs[0][0])

    def await_rate(self, rate_ul_h: int) -> None:
        """Until the device says that it delivers at that rate."""
        left_s = self._rise_s(rate_ul_h)
        while left_s > 0:
            # An infusion that needs its host hears it; what is typed does not count.
            self.client.request("STATUS?")
            self._wait(min(left_s, _SAY_S))
            left_s -= _SAY_S
        late_s = 0.0
        while True:
            status = self.client.status()
            if int(status["rate_ul_h"]) >= rate_ul_h:
                return
            if status["state"] not in ("INFUSING", "RUNG_HELD") or late_s > _LATE_S:
                raise BenchError(
                    f"ready -> infusing: {status['state']} at {status['rate_ul_h']} uL/h, "
                    f"expected INFUSING at {rate_ul_h}; alarms {status['alarms']}"
                )
            self._wait(_LOOK_S)
            late_s += _LOOK_S


def _advice(refusal: Refused) -> str:
    return {
        "TABLE_MISMATCH": "; another firmware version is on it: leave out --skip-autoflash",
        "HELLO_FIRST": "; it was reset in mid-run",
        "NOT_ALLOWED": "; set the device key (TITRA_KEY or --key-file)",
        "NOT_FITTED": "; wire the bench (docs/hil.md), or run -m 'not needs_rig'",
    }.get(refusal.code, "")
