"""Sessions in any order of what may happen to them, power cuts anywhere: nothing that
was delivered is ever forgotten."""

from random import Random

import pytest
from storage_bench import ML_STEPS, Infusion, StorageBoard, chain_holds, order_rx, records

from host_sim.power import PowerCut
from pump.core import event_log

ACTIONS = ("run", "run", "pause", "amend", "chatter", "deaf", "gone", "end", "cut", "cut", "reset")


class Course:
    """A board and what truly happened on it.

    ``wet``      steps that the motor has made in this session, across resets
    ``is_open``  START was answered and END was not; ``None`` while either is
                 being worked on
    ``shaken``   how often the session went on from a recovered volume
    """

    def __init__(self, seed: int):
        self.chance = Random(seed)
        self.board = StorageBoard()
        self.infusion = Infusion(self.board)
        self.wet = 0
        self.is_open: bool | None = False
        self.shaken = 0
        self.fram_was_lost = False

    def act(self, action: str) -> None:
        chance, board, infusion = self.chance, self.board, self.infusion
        journal = infusion.journal
        if action == "cut":
            board.supply.cut_after(chance.randrange(60))
        elif action == "reset":
            raise PowerCut
        elif action == "chatter":
            for i in range(50):
                journal.note(event_log.PERSON, 1, i, 0)
                self.tick(0, may_move=False)
        elif action == "gone":
            board.fram.is_present = not board.fram.is_present
            self.fram_was_lost = True
        elif not self.is_open:
            self.is_open = None
            self.wet = self.shaken = 0
            self.is_open = infusion.start(journal.last_session + 1)
        elif action == "run":
            for _ in range(chance.randrange(200)):
                self.tick(chance.choice((0, 1, 21, 21)))
        elif action == "pause":
            for _ in range(chance.randrange(60)):
                self.tick(0, may_move=False)
        elif action == "amend":
            journal.amend(order_rx(), infusion.vtbi_steps - chance.randrange(100))
        elif action == "deaf":
            board.fram.is_deaf = True
            for _ in range(chance.randrange(3)):
                self.tick(21)
            board.fram.is_deaf = False
        elif action == "end":
            self.is_open = None
            self.is_open = not infusion.end()

    def tick(self, steps: int, may_move: bool = True) -> None:
        infusion = self.infusion
        before = infusion.true_steps
        if may_move and not self.is_open:
            may_move = False
        try:
            infusion.tick(steps, may_move)
        finally:
            self.wet += infusion.true_steps - before

    def boot(self) -> None:
        """After a cut or a reset: judge what is found, then go on or close."""
        board = self.board
        infusion = Infusion(board)
        journal = infusion.journal
        if self.is_open or (self.is_open is None and journal.interrupted):
            assert journal.interrupted
            assert journal.recovered_steps >= self.wet
            if journal.can_resume and not self.fram_was_lost:
                assert journal.recovered_steps <= self.wet + ML_STEPS * (1 + self.shaken)
        elif self.is_open is False:
            assert not journal.interrupted
        if journal.fram_fitted:
            assert journal.log.broken_seq == -1
            assert chain_holds(records(journal))
        self.infusion = infusion
        if not journal.interrupted:
            self.is_open = False
        elif journal.can_resume and self.chance.random() < 0.7:
            self.is_open = True
            self.shaken += 1
            infusion.vtbi_steps = 128_000
            infusion.granted = infusion.true_steps = journal.recovered_steps
        elif journal.close_session(0):
            self.is_open = False
        else:
            self.is_open = None


@pytest.mark.req("L19")
@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_no_volume_is_under_counted(seed):
    course = Course(seed)
    boots = 0
    for _ in range(150):
        try:
            course.act(course.chance.choice(ACTIONS))
        except PowerCut:
            boots += 1
            course.boot()
    assert boots > 5
