"""The part of the story that is about decisions."""

from __future__ import annotations

from engine.records import DecisionEvaluation, Deployment
from engine.records.deployment import Resource
from tests.support import models as m
from tests.support.actions import resolve, set_variables
from tests.support.decisions import decision, knowledge, literal, model, table
from tests.support.scenario import Scenario, make

RULES = [('"winter"', "-", '"roast"', "30"), ('"summer"', "> 4", '"barbecue"', "12"), ('"summer"', "-", '"salad"', "5")]


def decide(s: Scenario) -> None:
    """Decisions that are deployed, evaluated and called by a process; one of them fails at first."""
    dish = table(["season", "guests"], ["dish", "price"], RULES)
    total = knowledge("total", {"price": "number", "guests": "number"}, literal("price * guests"))
    bill = decision(
        "bill", literal("{dish: dish.dish, total: total(dish.price, guests)}"), requires=["dish"], knows=["total"]
    )
    called = '<zeebe:calledDecision decisionId="bill" resultVariable="bill" bindingType="deployment" />'
    task = m.element("businessRuleTask", "decide", extensions=(called,))
    files = {
        "menu.dmn": model(total, bill, decision("dish", dish)),
        "menu.bpmn": m.straight(
            "menu",
            task,
            m.job("cook", "cook", '<zeebe:jobPriorityDefinition priority="=6 + 1" />'),
            names=["decide", "cook"],
        ),
        "menu.form": b'{"id": "menu-form", "components": []}',
    }
    resources = tuple(Resource(resource_name=name, resource=content) for name, content in files.items())
    s.when(make("DEPLOYMENT", "CREATE", Deployment(resources=resources)), 1).accepted()
    for variables in ('{"season": "winter", "guests": 2}', '{"season": "summer", "guests": 6}'):
        s.when(make("DECISION_EVALUATION", "EVALUATE", DecisionEvaluation(decision_id="bill", variables=variables)), 2)
    s.create("menu", '{"season": "summer", "guests": 3}', partition=2)
    failing = s.create("menu", '{"season": "summer", "guests": 7}')
    set_variables(s, failing, '{"guests": 1}').accepted()
    resolve(s, s.everything().one("INCIDENT", "CREATED", process_instance_key=failing).key).accepted()
