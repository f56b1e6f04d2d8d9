"""Lines of the rig: ``VERB ARGUMENT ...*CRC`` and ``OK VERB field,field*CRC`` or
``ERR CODE text*CRC``, framed as the pump's are.  Every request is answered, in order;
all may be repeated but AT, whose time has then passed."""

from __future__ import annotations

from host_sim.client import frame, unframe

# Of the longest answer: EDGES? with so many edges.  The rig has buffers for it.
EDGES_A_LINE = 16


def request_of(line: bytes) -> list[str] | None:
    """The words of a request; ``None`` if it is not whole."""
    body = unframe(line)
    return body.split() if body and body.split() else None


def answer(verb: str, fields: str) -> bytes:
    return frame(f"OK {verb} {fields}")


def refusal(code: str, text: str) -> bytes:
    return frame(f"ERR {code} {text}")
