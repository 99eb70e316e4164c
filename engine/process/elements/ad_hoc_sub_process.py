"""Ad-hoc sub-processes: elements inside begin when a list, a worker or a person says so (BPMN 2.0.2, 13.3.5)."""

from __future__ import annotations

import msgspec

from engine.bpmn.feel import EvaluationFailure
from engine.bpmn.model import AdHoc, Element
from engine.core.effects import Effects
from engine.core.record import NONE

from .. import work as kinds
from ..ad_hoc import (
    Activation,
    active_elements,
    ad_hoc_of,
    begin_work,
    collect_output,
    end_remaining,
    give_collection,
    own_variables,
    prepare,
)
from ..completion_conditions import is_fulfilled
from ..execution import Deciding, Execution
from ..tables import ELEMENT_INSTANCES, JOBS, ElementInstance
from ..variables import Scope, merge_local, parse_document
from ..work import Work
from .behavior import Behavior
from .job_task import JobTask, cancel_job, create_job


class AdHocSubProcess(JobTask):
    """Active until it is over, whether anything is inside or not. Where it has a job, the worker says what begins."""

    def activate(self, execution: Execution, element: Element, key: int, data: str) -> Effects:
        ad_hoc = ad_hoc_of(element)
        yield from prepare(execution, key, ad_hoc)
        try:
            begin = [Activation(element_id) for element_id in active_elements(execution.view, key, ad_hoc)]
        except EvaluationFailure as failure:
            resume = Work(kinds.RESUME_ACTIVATION, key, data=data)
            yield execution.incident(key, "EXTRACT_VALUE_ERROR", str(failure), resume=resume)
            return
        if element.job is not None:
            yield from super().activate(execution, element, key, data)
            return
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        if begin:
            execution.push(begin_work(key, begin))

    def is_done(self, execution: Execution, key: int, row: ElementInstance, *, is_empty: bool) -> Deciding:
        element = execution.element_of(row)
        ad_hoc = ad_hoc_of(element)
        done = is_empty
        if row.interrupted or row.fulfilled:
            pass
        elif element.job is not None:
            done = False
            yield from _ask_worker(execution, element, key, row)
        elif ad_hoc.completion_condition is not None:
            done = yield from _ask_condition(execution, ad_hoc, key, row, is_empty=is_empty)
        if done:
            yield from give_collection(execution, key, row, ad_hoc)
        return done


class AdHocInnerInstance(Behavior):
    """What one activation began, and what follows from it."""

    def activate(self, execution: Execution, _element: Element, key: int, data: str) -> Effects:
        activation = msgspec.json.decode(data, type=Activation)
        row = execution.view.get(ELEMENT_INSTANCES, key)
        outer = execution.view.get(ELEMENT_INSTANCES, row.scope_key) if row is not None else None
        assert outer is not None
        yield execution.lifecycle("ELEMENT_ACTIVATED", key)
        ad_hoc = ad_hoc_of(execution.element_of(outer))
        own = own_variables(execution, key, ad_hoc, parse_document(bytes(activation.variables).decode()))
        yield from merge_local(execution.view, key, own, execution.process_id)
        execution.push(Work(kinds.ACTIVATE, key, activation.element_id))

    def is_done(self, execution: Execution, key: int, row: ElementInstance, *, is_empty: bool) -> Deciding:
        return is_empty and (yield from collect_output(execution, key, row))


def _ask_condition(execution: Execution, ad_hoc: AdHoc, key: int, row: ElementInstance, *, is_empty: bool) -> Deciding:
    """Whether it is over; what remains is ended first, or waited for."""
    condition = ad_hoc.completion_condition
    assert condition is not None
    try:
        over = is_fulfilled(condition, Scope(execution.view, key))
    except EvaluationFailure as failure:
        message = f"completion condition: {failure}"
        yield execution.incident(key, "EXTRACT_VALUE_ERROR", message, resume=Work(kinds.CHECK_SCOPE, key))
        return False
    if over and not is_empty and ad_hoc.cancels_remaining:
        yield from end_remaining(execution, key, row)
    return over and is_empty


def _ask_worker(execution: Execution, element: Element, key: int, row: ElementInstance) -> Effects:
    """The worker is asked what is to happen now, by a new job."""
    job = execution.view.get(JOBS, row.work_key) if row.work_key > 0 else None
    yield from cancel_job(execution, row)
    if job is not None and job.incident_key != NONE:
        yield execution.incident_gone(job.incident_key, key, row.element_id)
    yield from create_job(execution, element, key, Work(kinds.CHECK_SCOPE, key))
