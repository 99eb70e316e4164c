"""Plans and webhooks: some seeds have those who make them. Drawn from a stream of its own, as authorization is."""

from __future__ import annotations

import random

from engine.config import Settings
from engine.config.webhooks import WebhookSettings
from tests.simulation.workload.planners import FORESEEABLE, HOST

#: Seeds that have them.
SHARE = 0.35


def draw_planning(chosen: random.Random, settings: Settings) -> tuple[Settings, bool]:
    """The settings of a seed, and whether there are planners."""
    if chosen.random() >= SHARE:
        return settings, False
    wanted: dict[str, object] = {}
    if chosen.random() < 0.4:
        wanted["approval_types"] = tuple(chosen.sample(FORESEEABLE, chosen.randint(1, 2)))
    if chosen.random() < 0.1:
        wanted["approval_items_min"] = chosen.choice([1, 3])
    batches = settings.batch_operation.model_copy(update=wanted)
    told = WebhookSettings(allowed_hosts=(HOST,))
    return settings.model_copy(update={"batch_operation": batches, "webhook": told}), True
