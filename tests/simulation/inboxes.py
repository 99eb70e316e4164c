"""Inboxes: some seeds with Kafka have them. Each belongs to one principal, whatever the commands in it say.

Drawn from a stream of its own, as authorization is.
"""

from __future__ import annotations

import random

from engine.config import Settings
from engine.core.ports import inbox_of

#: Seeds with Kafka that have them.
SHARE = 0.5
#: As the setting names them.
INBOXES = ("shop=client:robot", "repair=user:ann")
#: Where commands are put.
INPUTS = tuple(inbox_of(text.partition("=")[0]) for text in INBOXES)


def draw_inboxes(chosen: random.Random, settings: Settings, *, is_kafka: bool) -> tuple[Settings, bool]:
    """The settings of a seed, and whether there are inboxes. The servers are simulated, so none are named."""
    if chosen.random() >= SHARE or not is_kafka:
        return settings, False
    kafka = settings.kafka.model_copy(update={"inboxes": INBOXES})
    return settings.model_copy(update={"kafka": kafka}), True
