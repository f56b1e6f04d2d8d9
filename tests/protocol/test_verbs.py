"""Every verb of the message table: how many arguments, and both ends of their ranges."""

import pytest
from wire import Wire, framed, table

from pump.protocol import messages

ROWS = [
    pytest.param(row, id=row[messages.COL_VERB].decode())
    for row in messages.MESSAGES
    if row[messages.COL_KIND] not in (messages.NOTICE, messages.STOP)
]


def has_hex(row) -> bool:
    return any(most == messages.HEX for _, _, most, _ in row[messages.COL_ARGUMENTS])


WITH_ARGUMENTS = [row for row in ROWS if row.values[0][messages.COL_ARGUMENTS]]
NUMBERS_THAT_ARE_NONE = (
    "", "-1", "+1", ".5", "5.", "1.0", "1e3", "nan", "NaN", "inf", "0x10", "1_000", "１", "abc",
    "1234567890", "99999999999999999999", "1\x00", "1\t", "'1'",
)  # fmt: skip


class Dialogue:
    """Frames with the SEQ that is due, and what became of each; whoever says them
    may say everything."""

    def __init__(self):
        self.wire = Wire()
        self.wire.listen(50)
        self.seq = self.wire.hello("MAINTENANCE") + 1

    def code(self, verb: bytes, arguments: list[str]) -> str:
        """``OK``, or the reason code of the refusal."""
        body = b" ".join([b"%d" % self.seq, verb, *(text.encode() for text in arguments)])
        answers = self.wire.send(framed(body))
        word = answers[0].decode().split(" ")
        code = "OK" if word[1] == "OK" else word[2]
        self.seq = int(self.wire.status()["last_seq"]) + 1
        if verb == b"REPL" and code == "OK":
            self.wire.listen(300)  # restarts
            self.wire.board.run_self_test()
            self.hello()
        elif verb in (b"HELLO", b"LOGOUT"):
            self.hello()
        return code

    def hello(self) -> None:
        self.seq = self.wire.hello("MAINTENANCE") + 1


@pytest.fixture(scope="module")
def dialogue() -> Dialogue:
    return Dialogue()


NOT_READ = {"BAD_ARGUMENT", "OUT_OF_RANGE"}


def in_range(row) -> list:
    """Arguments in the middle of their ranges; HELLO's are those of this table."""
    if row[messages.COL_VERB] == b"HELLO":
        return [messages.PROTOCOL_VERSION, table()]
    return [
        "0123456789ABCDEF" * (least // 16) if most == messages.HEX else (least + most) // 2
        for _, least, most, _ in row[messages.COL_ARGUMENTS]
    ]


def with_argument(row, i: int, value) -> list[str]:
    values: list = in_range(row)
    values[i] = value
    return [str(value) for value in values]


@pytest.mark.parametrize("row", ROWS)
def test_the_number_of_arguments_is_that_of_the_table(dialogue, row):
    verb, right = row[messages.COL_VERB], [str(value) for value in in_range(row)]
    refused = int(dialogue.wire.link()["argument"])
    assert dialogue.code(verb, [*right, "1"]) == "BAD_ARGUMENT"
    assert dialogue.code(verb, [*right, ""]) == "BAD_ARGUMENT"
    if right:
        assert dialogue.code(verb, right[:-1]) == "BAD_ARGUMENT"
        assert dialogue.code(verb, []) == "BAD_ARGUMENT"
        assert dialogue.code(verb, ["", *right]) == "BAD_ARGUMENT"
    assert int(dialogue.wire.link()["argument"]) == refused + (5 if right else 2)
    assert dialogue.code(verb, right) not in NOT_READ


@pytest.mark.parametrize("row", WITH_ARGUMENTS)
def test_each_argument_is_taken_at_both_ends_of_its_range_and_not_beyond(dialogue, row):
    verb = row[messages.COL_VERB]
    for i, (_, least, most, _) in enumerate(row[messages.COL_ARGUMENTS]):
        if most == messages.HEX:
            continue
        for value in (least, most):
            assert dialogue.code(verb, with_argument(row, i, value)) not in NOT_READ
            dialogue.hello()
        for value in {least - 1, most + 1} - {-1}:
            assert dialogue.code(verb, with_argument(row, i, value)) == "OUT_OF_RANGE"


@pytest.mark.req("F2")
@pytest.mark.parametrize("row", [row for row in WITH_ARGUMENTS if has_hex(row.values[0])])
def test_a_string_of_hex_digits_has_its_length_and_nothing_else_in_it(dialogue, row):
    verb, arguments = row[messages.COL_VERB], row[messages.COL_ARGUMENTS]
    for i, (_, digits, most, _) in enumerate(arguments):
        if most != messages.HEX:
            continue
        assert dialogue.code(verb, with_argument(row, i, "F" * digits)) not in NOT_READ
        for text in (
            "0" * (digits - 1), "0" * (digits + 1), "", "0" * (digits - 1) + "a",
            "G" + "0" * (digits - 1), "0" * (digits - 1) + " ", "0x" + "0" * (digits - 2),
            "0" * (digits - 1) + "\x00", "-" + "0" * (digits - 1),
        ):  # fmt: skip
            assert dialogue.code(verb, with_argument(row, i, text)) == "BAD_ARGUMENT", text


@pytest.mark.req("F2")
@pytest.mark.parametrize("text", NUMBERS_THAT_ARE_NONE)
def test_what_is_not_a_whole_number_is_refused_in_every_argument(dialogue, text):
    for param in WITH_ARGUMENTS:
        row = param.values[0]
        for i in range(len(row[messages.COL_ARGUMENTS])):
            code = dialogue.code(row[messages.COL_VERB], with_argument(row, i, text))
            assert code in NOT_READ, (row[0], i)


@pytest.mark.req("F2")
@pytest.mark.parametrize("zeros", ["", "0000000000"])
def test_a_number_of_more_than_nine_digits_is_not_even_computed(dialogue, zeros):
    """It would not be a small integer on the board."""
    assert dialogue.code(b"RX?", ["9" * 9]) == "OUT_OF_RANGE"
    assert dialogue.code(b"RX?", [zeros + "1" * 10]) == "BAD_ARGUMENT"


@pytest.mark.req("F2")
def test_leading_zeros_are_read_as_the_number_that_is_read_back(dialogue):
    dialogue.code(b"RUNG", ["0", "0070", "000600"])
    dialogue.code(b"PROGRAM", ["0002000", "0200", "00100", "070000", "0060000", "001"])
    assert dialogue.code(b"RUNG", ["00", "0060000", "000600"]) == "OK"
    assert dialogue.wire.ask(b"RX? 0\n") == b"- OK RX? 0,2000,200,100,70000,60000,1"
    assert dialogue.wire.ask(b"RX? 2\n") == b"- OK RX? 2,60000,600"
    assert dialogue.code(b"RUNG", ["0", "0070", "600"]) == "OUT_OF_RANGE"


@pytest.mark.parametrize("row", ROWS)
def test_by_hand_only_queries_are_answered(row):
    wire = Wire()
    wire.listen(50)
    verb = row[messages.COL_VERB]
    line = b" ".join([verb, *(str(value).encode() for value in in_range(row))]) + b"\n"
    answers = wire.send(line, ms=300)
    if row[messages.COL_KIND] == messages.QUERY:
        # There are not so many records.
        begins = b"- ERR NO_SUCH_RECORD" if verb == b"LOG?" else b"- OK " + verb
        assert all(answer.startswith(begins) for answer in answers)
        assert answers
    else:
        assert [answer.split()[2] for answer in answers] == [b"BAD_FRAME"]
        assert wire.link()["frame"] == "1"


def test_help_names_every_verb_that_can_be_sent(wire):
    said = b"".join(wire.send(b"HELP?\n", ms=300))
    for row in messages.MESSAGES:
        known = row[messages.COL_KIND] != messages.NOTICE
        assert (b"," + row[messages.COL_VERB] in said) == known


def test_each_line_of_help_can_be_asked_for_and_repeated(wire):
    typed = wire.send(b"HELP?\n", ms=400)
    seq = wire.hello()
    for number, line in enumerate(typed):
        seq += 1
        asked = framed(f"{seq} HELP? {number}")
        assert wire.ask(asked) == b"%d" % seq + line.removeprefix(b"-")
        assert wire.ask(asked) == b"%d" % seq + line.removeprefix(b"-")
    assert wire.ask(framed(f"{seq + 1} HELP? {len(typed)}")).endswith(b" OK HELP?,%d" % len(typed))
    assert wire.ask(framed(f"{seq + 2} HELP?")).split()[2] == b"BAD_ARGUMENT"


def test_each_query_answers_with_the_fields_of_the_table(wire):
    for verb, names in messages.REPLIES:
        if verb.endswith(b"?"):
            line = verb + (b" 0\n" if verb in (b"LOG?", b"CAL?") else b"\n")
            # The line that was asked for stands beside the verb, as in that of RX?.
            beside = verb == b"CAL?"
            assert len(wire.ask(line).split(b",")) == 1 + len(names) - beside


def test_a_query_changes_nothing_that_another_one_shows(wire):
    wire.start()
    wire.send(b"STOP\n")

    lines = (b"ORDER? 0\n", b"RX? 2\n", b"ALARMS?\n", b"QUESTION?\n", b"ROLE?\n")

    def shown() -> list[bytes]:
        return [wire.ask(line, ms=20) for line in lines]

    before = shown()
    for row in messages.MESSAGES:
        if row[messages.COL_KIND] == messages.QUERY:
            zeros = (b"0" for _ in row[messages.COL_ARGUMENTS])
            wire.send(b" ".join([row[messages.COL_VERB], *zeros]) + b"\n", ms=300)
    assert shown() == before
