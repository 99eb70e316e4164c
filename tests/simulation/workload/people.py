"""Those who deploy, start, work, and put things right."""

from __future__ import annotations

import json
from typing import Any

from .actor import Actor
from .client import Client
from .models import generate, generate_decisions, generate_form
from .tasks import JOB_TYPES, VERSION_TAG

#: Each calls those behind it only.
PROCESS_IDS = ("order", "claim", "trip")
CODES = ("A", "B", "C")
#: What instances mostly lack.
REPAIRED = {"n": 2, "kind": "work", "who": "ann", "key": "k1", "name": "a", "code": "A"}
#: The variable by which an ad-hoc sub-process tells what is inside.
INSIDE = "adHocSubProcessElements"
#: What an answer to a deployment shows -> as what it is known, and the property that holds its key.
DEPLOYED = {
    "processDefinition": ("definitions", "processDefinitionKey"),
    "decisionDefinition": ("decisions", "decisionDefinitionKey"),
    "form": ("forms", "formKey"),
}


class Deployer(Actor):
    """Deploys new models and new versions, the same one again, and what is no model."""

    async def act(self, client: Client) -> None:
        chosen = self.random.sample(PROCESS_IDS, self.random.randint(1, len(PROCESS_IDS)))
        files = {f"{name}.bpmn": generate(self.random, name, called_by(name)) for name in chosen}
        if self.random.random() < 0.5:
            files["rate.dmn"] = generate_decisions(self.random)
        if self.random.random() < 0.5:
            files["sheet.form"] = generate_form(self.random)
        if self.random.random() < 0.1:
            files["broken.bpmn"] = self.random.choice([b"<", files[f"{chosen[0]}.bpmn"], b"<definitions />"])
        for _ in range(self.random.choice([1, 1, 2])):
            answer = await self.ask(client, "POST", "/deployments", files)
            if answer.status == 200:
                self.knowledge.acknowledge("deployments", answer.body["deploymentKey"])
                for deployed in answer.body["deployments"]:
                    for kind, (entity, key) in DEPLOYED.items():
                        if deployed.get(kind):
                            self.knowledge.acknowledge(entity, deployed[kind][key])


def called_by(process_id: str) -> tuple[str, ...]:
    return PROCESS_IDS[PROCESS_IDS.index(process_id) + 1 :]


class Starter(Actor):
    """Starts instances of what is deployed, or is not."""

    needs = "definitions"

    async def act(self, client: Client) -> None:
        body: dict[str, Any] = {"variables": self.document()}
        if self.random.random() < 0.7:
            body["processDefinitionId"] = self.random.choice(PROCESS_IDS)
            if self.random.random() < 0.2:
                body["processDefinitionVersion"] = self.random.randint(-1, 3)
            elif self.random.random() < 0.1:
                body["processDefinitionVersionTag"] = VERSION_TAG
        else:
            body["processDefinitionKey"] = self.knowledge.pick(self.random, "definitions")
        if self.random.random() < 0.3:
            body["tags"] = self.random.sample(["red", "blue"], self.random.randint(1, 2))
        if self.random.random() < 0.3:
            body["businessId"] = self.random.choice(["b-1", "b-2"])
        if self.random.random() < 0.1:
            body |= {"awaitCompletion": True, "requestTimeout": 500, "fetchVariables": ["n"]}
        for _ in range(self.random.choice([1, 2, 3, 8])):
            answer = await self.ask(client, "POST", "/process-instances", body)
            if answer.status == 200:
                self.knowledge.acknowledge("process-instances", answer.body["processInstanceKey"])


class Worker(Actor):
    """Activates jobs and completes, fails, throws or forgets them, in time or too late."""

    needs = "process-instances"

    async def act(self, client: Client) -> None:
        timeout = self.random.choice([200, 1_000, 20_000])
        wanted: dict[str, Any] = {
            "type": self.random.choice(JOB_TYPES),
            "worker": f"worker-{self.random.randint(1, 3)}",
            "timeout": timeout,
            "maxJobsToActivate": self.random.choice([1, 3, 30]),
            "requestTimeout": self.random.choice([-1, 200, 2_000]),
        }
        if self.random.random() < 0.2:
            wanted["fetchVariable"] = ["n", "who"]
        answer = await client.request("POST", "/v2/jobs/activation", wanted)
        if answer.status != 200:
            return
        for job in answer.body["jobs"]:
            self.knowledge.acknowledge("jobs", job["jobKey"])
            if self.random.random() < 0.15:
                await client.sleep(timeout / 1000 * self.random.uniform(0, 1.5))
            await self.end(client, job["jobKey"])

    async def end(self, client: Client, key: str) -> None:
        """Whatever becomes of a job."""
        chosen = self.random.random()
        path, body = f"/jobs/{key}", {"variables": self.document()}
        if chosen < 0.6:
            await self.ask(client, "POST", f"{path}/completion", body)
        elif chosen < 0.78:
            failure = {"retries": self.random.randint(0, 2), "errorMessage": "no", **body}
            if self.random.random() < 0.5:
                failure["retryBackOff"] = self.random.choice([0, 300, 3_000])
            await self.ask(client, "POST", f"{path}/failure", failure)
        elif chosen < 0.9:
            await self.ask(client, "POST", f"{path}/error", {"errorCode": self.random.choice(CODES), **body})


class Person(Actor):
    """Does user tasks."""

    needs = "process-instances"

    async def act(self, client: Client) -> None:
        waiting = await self.find(client, "user-tasks", {"state": "CREATED"})
        known = [task["userTaskKey"] for task in waiting] or [self.knowledge.pick(self.random, "user-tasks")]
        path = f"/user-tasks/{self.random.choice(known)}"
        chosen = self.random.random()
        if chosen < 0.6:
            await self.ask(client, "POST", f"{path}/completion", {"variables": self.document()})
        elif chosen < 0.8:
            claim = {"assignee": self.random.choice(["ann", "bob"]), "allowOverride": self.random.random() < 0.5}
            await self.ask(client, "POST", f"{path}/assignment", claim)
        elif chosen < 0.9:
            await self.ask(client, "DELETE", f"{path}/assignee")
        else:
            await self.ask(client, "PATCH", path, {"changeset": {"priority": self.random.randint(0, 100)}})


class Operator(Actor):
    """Repairs single things, and cancels single instances."""

    needs = "process-instances"

    async def act(self, client: Client) -> None:
        chosen = self.random.random()
        if chosen < 0.45:
            await self.repair(client)
        elif chosen < 0.6:
            scope = self.random.choice(["process-instances", "element-instances"])
            body = {"variables": self.document(), "local": self.random.random() < 0.4}
            await self.ask(
                client, "PUT", f"/element-instances/{self.knowledge.pick(self.random, scope)}/variables", body
            )
        elif chosen < 0.75:
            possible = [{"retries": 2}, {"timeout": 100}, {"retries": 1, "timeout": 5_000}, {"priority": 9}]
            changes = self.random.choice(possible)
            job = self.knowledge.pick(self.random, "jobs")
            await self.ask(client, "PATCH", f"/jobs/{job}", {"changeset": changes})
        elif chosen < 0.9:
            path = f"/process-instances/{self.knowledge.pick(self.random, 'process-instances')}"
            if self.random.random() < 0.7:
                what = self.random.choice(["cancellation", "suspension", "resumption"])
                await self.ask(client, "POST", f"{path}/{what}")
            else:
                await self.ask(client, "POST", f"{path}/business-id-assignment", {"businessId": "b-3"})
        elif self.random.random() < 0.3:
            await self.find(client, "element-instances", {"state": "ACTIVE"})
        elif self.random.random() < 0.4:
            await self.delete(client)
        else:
            await self.instruct(client)

    async def delete(self, client: Client) -> None:
        """Has history deleted, also of what still runs."""
        kinds = {"process-instances": "process-instances", "evaluations": "decision-instances"}
        kind = self.random.choice(sorted(kinds))
        path = f"/{kinds[kind]}/{self.knowledge.pick(self.random, kind)}/deletion"
        await self.ask(client, "POST", path, self.random.choice([None, {}, {"reason": "old"}]))

    async def instruct(self, client: Client) -> None:
        """Has something begun in an ad-hoc sub-process: what its variable says that there is, or something else."""
        for variable in (await self.find(client, "variables", {"name": INSIDE}))[-2:]:
            known = [each["elementId"] for each in json.loads(variable["value"])]
            name = self.random.choice([*known, *known, "none"])
            wish = {
                "elements": [{"elementId": name, "variables": self.document()}],
                "cancelRemainingInstances": self.random.random() < 0.1,
            }
            path = f"/element-instances/ad-hoc-activities/{variable['scopeKey']}/activation"
            await self.ask(client, "POST", path, wish)

    async def repair(self, client: Client) -> None:
        """What it lacks, then another try."""
        for incident in (await self.find(client, "incidents", {"state": "ACTIVE"}))[-4:]:
            if incident["jobKey"] and self.random.random() < 0.7:
                await self.ask(client, "PATCH", f"/jobs/{incident['jobKey']}", {"changeset": {"retries": 1}})
            elif self.random.random() < 0.7:
                path = f"/element-instances/{incident['processInstanceKey']}/variables"
                await self.ask(client, "PUT", path, {"variables": REPAIRED})
            await self.ask(client, "POST", f"/incidents/{incident['incidentKey']}/resolution")
