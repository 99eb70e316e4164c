"""Work of a process instance: small pieces on a stack, which can be kept on the log and taken up later."""

from __future__ import annotations

import msgspec
from msgspec import Struct

#: begin the element `element_id` in the scope `key`; `data` is a JSON object of variables that come with it
ACTIVATE = "ACTIVATE"
#: begin the element `element_id` in the scope `key`, whatever it joins; `data` is a JSON array of the elements to begin
#: inside it instead of its start event, or empty
START = "START"
#: begin the element `element_id` in the scope `key`, whose event has happened already; `data` as in ACTIVATE
PASS = "PASS"
#: what the element `element_id` catches for element instance `key` has happened; `data` as in ACTIVATE
HAPPENED = "HAPPENED"
#: go on with the activation of element instance `key` (after an incident)
RESUME_ACTIVATION = "RESUME_ACTIVATION"
#: complete element instance `key`; `data` is a JSON object of variables that come with it
COMPLETE = "COMPLETE"
#: complete the scope `key` if nothing is left in it
CHECK_SCOPE = "CHECK_SCOPE"
#: end whatever is in the scope `key`, then complete it (terminate end event)
END_SCOPE = "END_SCOPE"
#: terminate element instance `key`
TERMINATE = "TERMINATE"
#: terminate what is in the scope `key`, some at a time, and go on only when all of it is gone; `data` is the key of the
#: last child that was told to end
TERMINATE_CHILDREN = "TERMINATE_CHILDREN"
#: everything in the scope `key` is gone: it is terminated
TERMINATED = "TERMINATED"
#: go on only when element instance `key` is gone
AWAIT_END = "AWAIT_END"
#: throw the BPMN error `element_id` (its code) from element instance `key`; `data` as in ACTIVATE
THROW = "THROW"
#: send the CONTINUE of a pause again
CONTINUE = "CONTINUE"
#: tell the part of the engine named `element_id` that the work on `key` is done; `data` is what it asked to get back
FOLLOW_UP = "FOLLOW_UP"

#: work that is a token on its way to an element of the scope `key`
TOKENS = (ACTIVATE, START, PASS)


class Work(Struct, frozen=True, array_like=True):
    """One piece of work; what the fields mean is told by `kind`."""

    kind: str
    key: int
    element_id: str = ""
    data: str = ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Work])


def encode_work(stack: list[Work]) -> bytes:
    return _encoder.encode(stack)


def decode_work(data: bytes) -> list[Work]:
    return _decoder.decode(data)
