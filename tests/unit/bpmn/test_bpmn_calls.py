"""What a call activity of an accepted model says about the process that it calls."""

from __future__ import annotations

from collections.abc import Callable

from engine.bpmn.model import CALL_ACTIVITY, Element


def call(attributes: str) -> str:
    return (
        f'<bpmn:callActivity id="it"><bpmn:extensionElements><zeebe:calledElement processId="other" {attributes}/>'
        "</bpmn:extensionElements></bpmn:callActivity>"
    )


def test_all_variables_are_given_and_taken_and_the_latest_version_is_called(
    element_of: Callable[[str], Element],
) -> None:
    element = element_of(call(""))
    assert element.type == CALL_ACTIVITY
    assert element.called is not None
    assert (element.called.process_id.text, element.called.binding.type) == ("other", "latest")
    assert (element.called.gets_all_variables, element.called.gives_all_variables) == (True, True)
    assert element.called.business_id is None


def test_what_a_model_says_otherwise(element_of: Callable[[str], Element]) -> None:
    off = 'propagateAllParentVariables="false" propagateAllChildVariables="false" businessId=""'
    called = element_of(call(f'{off} bindingType="versionTag" versionTag="v1"')).called
    assert called is not None
    assert (called.gets_all_variables, called.gives_all_variables) == (False, False)
    assert called.binding.version_tag is not None
    assert called.business_id is not None
