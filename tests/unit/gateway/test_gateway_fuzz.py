"""Whatever is sent to a route that writes, the gateway answers with a status of the API."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.records.intents import INTENTS
from gateway.routes import all_routes
from gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import created_instance, refuses, world

#: What is refused, so that nothing waits.
COMMAND_PAIRS = [
    (family, intent)
    for family, intents in INTENTS.items()
    for intent in intents.commands
    if family != "PROCESS_INSTANCE_CREATION"
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)
WRITES = [route for route in all_routes(GatewaySettings(), ()) if route.body is not None]
NAMES = sorted({field.encode_name for route in WRITES if route.body for field in msgspec.structs.fields(route.body)})


@settings(max_examples=15, deadline=None)
@given(
    bodies=st.lists(
        st.tuples(
            st.sampled_from(WRITES),
            st.sampled_from(["2251799813685249", "abc", "0", "%00", "9" * 30]),
            st.binary(max_size=40)
            | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), JSON, max_size=6).map(msgspec.json.encode),
        ),
        min_size=20,
        max_size=40,
    )
)
def test_no_body_makes_the_gateway_fail(bodies: list[tuple[Any, str, bytes]]) -> None:
    async def scenario() -> None:
        accept = {"Content-Type": "application/json"}
        async with world({("PROCESS_INSTANCE_CREATION", "CREATE"): created_instance}, partition_count=1) as it:
            # what passes the checks is rejected by this engine, so that nothing waits
            it.engine.rules = {**it.engine.rules, **dict.fromkeys(COMMAND_PAIRS, refuses("INVALID_STATE"))}
            for route, key, body in bodies:
                path = re.sub(r"\{\w+:str\}", key, route.path)
                response = await it.client.request(route.method, path, content=body, headers=accept)
                assert response.status_code in (200, 400, 404, 409, 415), (path, body, response.text)

    asyncio.run(scenario())
