"""The official client over HTTP: forms are deployed with a process, linked by its elements, and got."""

from __future__ import annotations

import json
from pathlib import Path

from camunda_orchestration_sdk import CamundaClient
from camunda_orchestration_sdk.models import UserTaskSearchQuery

from tests.integration.official_client import counted, create, seen, unique
from tests.support import models as m


def asking(process_id: str, form_id: str) -> bytes:
    """A process with a form at its start, and another of its user task."""
    start = m.element("startEvent", "start", extensions=(f'<zeebe:formDefinition formId="{form_id}-start" />',))
    linked = ("<zeebe:userTask />", f'<zeebe:formDefinition formId="{form_id}" />')
    parts = (start, m.element("userTask", "t", extensions=linked), m.end(), m.chain("start", "t", "end"))
    return m.model(m.process(process_id, *parts))


def test_forms_of_a_process(client: CamundaClient, tmp_path: Path) -> None:
    process_id, form_id = unique("asking"), unique("form")
    schemas = {name: json.dumps({"id": name, "components": []}) for name in (form_id, f"{form_id}-start")}
    model = tmp_path / "asking.bpmn"
    model.write_bytes(asking(process_id, form_id))
    for name, schema in schemas.items():
        (tmp_path / f"{name}.form").write_text(schema)
    deployed = client.deploy_resources_from_files([model, *(tmp_path / f"{name}.form" for name in schemas)])
    keys = {str(form.form_id): form.form_key for form in deployed.forms}
    instance = create(client, process_id)
    query = UserTaskSearchQuery.from_dict({"filter": {"processInstanceKey": instance}})
    (task,) = client.search_user_tasks(data=query, consistency=counted(1)).items
    assert task.form_key == keys[form_id]
    assert client.get_user_task_form(task.user_task_key, consistency=seen()).schema == schemas[form_id]
    (definition,) = deployed.processes
    start = client.get_start_process_form(definition.process_definition_key, consistency=seen())
    assert (start.form_id, start.version, start.schema) == (f"{form_id}-start", 1, schemas[f"{form_id}-start"])
    assert client.get_form_by_key(keys[form_id], consistency=seen()).form_id == form_id
