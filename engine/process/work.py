"""Work of a process instance: small pieces on a stack, which can be kept on the log and taken up later."""

from __future__ import annotations

import msgspec
from msgspec import Struct

#: begin the element `element_id` in the scope `key`; `data` is a JSON object of variables that come with it
ACTIVATE = "ACTIVATE"
#: begin the element `element_id` in the scope `key`, whatever it joins; `data` says where to begin inside it instead of
#: its start event, and with which variables (see `beginnings`), or is empty
START = "START"
#: begin the element `element_id` in the scope `key`, whose event has happened already; `data` as in ACTIVATE
PASS = "PASS"
#: begin elements in the ad-hoc sub-process `key`; `data` is a JSON array of pairs of an id and a JSON object of
#: variables. With an `element_id`, whatever it is, what is left there ends first
BEGIN_INSIDE = "BEGIN_INSIDE"
#: what the element `element_id` catches for element instance `key` has happened; `data` as in ACTIVATE
HAPPENED = "HAPPENED"
#: go on with the activation of element instance `key` (after an incident)
RESUME_ACTIVATION = "RESUME_ACTIVATION"
#: begin the next instance in the multi-instance body `key`, and those after it if they do not wait for each other
SPAWN = "SPAWN"
#: complete element instance `key`; `data` is a JSON object of variables that come with it
COMPLETE = "COMPLETE"
#: activate the inclusive gateway `element_id` of the scope `key` if no token can get to it any more; `data` says how
#: far that was looked at
JOIN = "JOIN"
#: keep the output of the instance `key` in a multi-instance body, or make a variable of the outputs of the body `key`
COLLECT = "COLLECT"
#: discard the outputs that the multi-instance body `key` has kept; `data` is the loop counter of the next of them
DISCARD = "DISCARD"
#: the completing element instance `key` is done and left
LEAVE = "LEAVE"
#: complete the scope `key` if nothing is left in it, or whatever else it waits for has come
CHECK_SCOPE = "CHECK_SCOPE"
#: end whatever is in the scope `key`, then complete it
END_SCOPE = "END_SCOPE"
#: terminate element instance `key`
TERMINATE = "TERMINATE"
#: terminate what is in the scope `key`, some at a time, and go on only when all of it is gone; `data` is the key of the
#: last child that was told to end, and the round of pauses that came next when it began
TERMINATE_CHILDREN = "TERMINATE_CHILDREN"
#: everything in the scope `key` is gone: it is terminated
TERMINATED = "TERMINATED"
#: go on only when element instance `key` is gone
AWAIT_END = "AWAIT_END"
#: throw the BPMN error `element_id` (its code) from element instance `key`; `data` as in ACTIVATE
THROW = "THROW"
#: trigger what the compensation event `key` has undone, only of the activity `element_id` if that is given; `data` says
#: in which scope, and up to which key
COMPENSATE = "COMPENSATE"
#: complete the compensation event `key` if nothing is left to be undone; `data` is the key of the subscription of a
#: sub-process in which everything is triggered, or empty
COMPENSATED = "COMPENSATED"
#: what element instance `key` owns can be undone no longer
FORGET_COMPENSATIONS = "FORGET_COMPENSATIONS"
#: nothing: it lies between what an instance had to do when it paused and, above it, what came meanwhile
MEANWHILE = "MEANWHILE"
#: send the CONTINUE of a pause again
CONTINUE = "CONTINUE"
#: let what was held while the process instance `key` was suspended happen, some at a time
RELEASE = "RELEASE"
#: tell the part of the engine named `element_id` that the work on `key` is done; `data` is what it asked to get back
FOLLOW_UP = "FOLLOW_UP"

#: work that is a token on its way to an element of the scope `key`
TOKENS = (ACTIVATE, START, PASS, BEGIN_INSIDE)


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
