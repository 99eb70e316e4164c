"""All that a seed draws before it begins. What came later draws from streams of its own: old seeds stay as they are."""

from __future__ import annotations

import msgspec

from tests.simulation.authorization import draw_access
from tests.simulation.draw import Drawn, draw
from tests.simulation.inboxes import draw_inboxes
from tests.simulation.planning import draw_planning
from tests.simulation.world import stream


def drawn_by(seed: int) -> Drawn:
    """The draw of one seed."""
    drawn = draw(stream(seed, "settings"))
    settings, access = draw_access(stream(seed, "authorization"), drawn.settings, is_kafka=drawn.is_kafka)
    settings, has_plans = draw_planning(stream(seed, "planning"), settings)
    settings, has_inboxes = draw_inboxes(stream(seed, "inboxes"), settings, is_kafka=drawn.is_kafka)
    return msgspec.structs.replace(
        drawn, settings=settings, access=access, has_plans=has_plans, has_inboxes=has_inboxes
    )
