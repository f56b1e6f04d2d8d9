"""Sound and lamps for the most urgent alarm.

Figures: IEC 60601-1-8 auditory signals (HIGH 10 pulses as 3+2, pause, 3+2;
pulses 75-200 ms, spacing 50-125 ms, halves 350-1300 ms apart, bursts 2.5-15 s
apart; MEDIUM 3 pulses of 125-250 ms, bursts 2.5-30 s apart; LOW 1-2 pulses,
more than 15 s apart) and its lamps (HIGH red 1.4-2.8 Hz, MEDIUM yellow
0.4-0.8 Hz, LOW yellow steady).  A question is no alarm: it has a sound of its
own, two short pulses, and no lamp.
"""

from pump.core import alarm_conditions as ac

# Alternating sound and silence in ms, starting with sound; then from the start.
# Whole ticks of 10 ms: what is none comes out a tick shorter or longer.
_LOW_BURST = (200, 16_000)
_MEDIUM_BURST = (200, 200, 200, 200, 200, 5000)
# Within a half: three pulses, a longer gap (below 125 ms even if a tick is late), two pulses.
_HIGH_BURST = (
    150, 80, 150, 80, 150, 120, 150, 80, 150, 500,
    150, 80, 150, 80, 150, 120, 150, 80, 150, 3000,
)  # fmt: skip
BURSTS = (_LOW_BURST, _MEDIUM_BURST, _HIGH_BURST)

# A question: pulse, gap, pulse; shorter than any alarm's.
_QUESTION = (100, 100, 100)

# Half a period of the lamp in ms; 0 is steady.  2 Hz and 0.6 Hz.
LAMP_HALF_PERIOD_MS = (0, 830, 250)


class AlarmSignals:
    """Turns the active priority into levels for sounder and lamps.

    ``asking``: place in the sound of a question, or -1 when none sounds.
    """

    def __init__(self):
        self._priority = -1
        self._index = 0
        self._left_ms = 0
        self._lamp_ms = 0
        self._lamp_on = True
        self.asking = -1
        self._asking_ms = 0

    def ask(self) -> None:
        """A person is asked something: heard unless an alarm sounds."""
        self.asking = 0
        self._asking_ms = _QUESTION[0]

    def step(self, priority: int, audible: bool, outputs, dt_ms: int) -> None:
        """Advance by ``dt_ms``.  ``priority`` is -1 for none; ``audible`` is
        false while the sound is paused."""
        if priority != self._priority:
            self._priority = priority
            self._index = 0
            self._lamp_ms = 0
            self._lamp_on = True
            if priority >= 0:
                self._left_ms = BURSTS[priority][0]
        elif priority >= 0:
            self._advance(dt_ms)
        if self.asking >= 0:
            self._sound_question(priority, outputs, dt_ms)
        if priority < 0:
            return
        # Even places in a burst sound, odd ones are silence.
        outputs.sound = audible and not self._index & 1
        if priority == ac.HIGH:
            outputs.lamp_red = self._lamp_on
        else:
            outputs.lamp_yellow = self._lamp_on

    def _sound_question(self, priority: int, outputs, dt_ms: int) -> None:
        if priority < 0:
            outputs.sound = not self.asking & 1
        self._asking_ms -= dt_ms
        if self._asking_ms <= 0:
            self.asking += 1
            if self.asking == len(_QUESTION):
                self.asking = -1
            else:
                self._asking_ms += _QUESTION[self.asking]

    def _advance(self, dt_ms: int) -> None:
        burst = BURSTS[self._priority]
        self._left_ms -= dt_ms
        if self._left_ms <= 0:
            self._index += 1
            if self._index == len(burst):
                self._index = 0
            self._left_ms += burst[self._index]
        half = LAMP_HALF_PERIOD_MS[self._priority]
        if half:
            self._lamp_ms += dt_ms
            if self._lamp_ms >= half:
                self._lamp_ms -= half
                self._lamp_on = not self._lamp_on
