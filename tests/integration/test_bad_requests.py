"""What a client does wrong is told to it, harms nobody, and leaves nothing on the log but a rejection."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from engine.assembly import Assembly
from engine.core.ports import COMMANDS, EVENTS, VALUE_SIZE_MAX
from engine.core.record import REJECTION, first_key
from engine.shell.embedded.client import EmbeddedLog
from gateway.settings import RECORD_HEADROOM, GatewaySettings
from tests.integration.installation import PATIENCE, Installation
from tests.support.models import chain, element, end, job, model, one_task, process, script, start, straight

JSON = {"content-type": "application/json"}
PROCESS = "bad-requests"
NOBODY = first_key(1) + (1 << 40)
CODEC = Assembly().codec
Ends = dict[tuple[str, int], int]


async def _read_log(installation: Installation, since: Ends | None) -> tuple[Ends, list[str]]:
    """The ends of commands and events, and what answered requests since then: `RECORD_TYPE VALUE_TYPE`."""
    log = await EmbeddedLog.open(installation.data)
    try:
        ends = {
            (topic, partition): await log.end(topic, partition)
            for topic in (COMMANDS, EVENTS)
            for partition in range(1, log.partition_count + 1)
        }
        answers = []
        for (topic, partition), offset in (since or {}).items():
            while topic == EVENTS and offset < ends[topic, partition]:
                page = await log.read(topic, partition, offset, headed_only=True)
                records = [CODEC.decode(entry.value) for entry in page.entries if "request" in entry.headers]
                answers += [f"{record.record_type} {record.value_type}" for record in records]
                offset = page.next_offset
        return ends, answers
    finally:
        await log.close()


class Log:
    """What a test added to the log of an installation."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._ends, _ = asyncio.run(_read_log(installation, None))

    def is_unchanged(self) -> bool:
        ends, _ = asyncio.run(_read_log(self._installation, None))
        return all(ends[place] == end for place, end in self._ends.items() if place[0] == COMMANDS)

    def answers(self) -> list[str]:
        return asyncio.run(_read_log(self._installation, self._ends))[1]


@pytest.fixture(scope="module")
def http(installation: Installation) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=installation.url, timeout=PATIENCE) as client:
        client.post("/v2/deployments", files=resources(one_task(PROCESS, PROCESS))).raise_for_status()
        yield client


@pytest.fixture
def log(installation: Installation, http: httpx.Client) -> Iterator[Log]:
    """The log since the test began; afterwards the engine must work as before."""
    yield Log(installation)
    assert http.get("/health/ready").status_code == 200
    run_one(http)


def resources(*files: bytes, name: str = "model.bpmn") -> dict[str, Any]:
    return {"resources": (name, b"".join(files))}


def run_one(http: httpx.Client) -> None:
    """An instance starts, its job is done, and it ends."""
    key = http.post("/v2/process-instances", json={"processDefinitionId": PROCESS}).json()["processInstanceKey"]
    wanted = {"type": PROCESS, "timeout": 60_000, "maxJobsToActivate": 1, "requestTimeout": 60_000}
    (taken,) = http.post("/v2/jobs/activation", json=wanted).json()["jobs"]
    assert taken["processInstanceKey"] == key
    assert http.post(f"/v2/jobs/{taken['jobKey']}/completion").status_code == 204


def check_problem(answer: httpx.Response, status: int, *texts: str) -> None:
    """A problem detail (RFC 9457) that says what was expected, what came and what to do, and shows nothing inside."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem = answer.json()
    assert problem.keys() - {"problems"} == {"type", "title", "status", "detail", "instance"}
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["instance"] == answer.request.url.path
    detail = problem["detail"]
    for text in ("expected", "; ", *texts):
        assert text in detail, f"expected {text!r} in {detail!r}"
    for secret in ("Traceback", 'File "', ".py", "msgspec", "litestar", "sqlite"):
        assert secret not in answer.text
    assert len(detail) < 4_000


class Wrong(NamedTuple):
    """A request with something wrong in it, and what the answer must say."""

    name: str
    path: str
    body: Any
    texts: tuple[str, ...]
    status: int = 400
    method: str = "POST"


CREATION, SEARCH, CANCELLATION = (
    "/v2/process-instances",
    "/v2/process-instances/search",
    "/v2/process-instances/cancellation",
)

#: Refused by the gateway: nothing reaches the log.
REFUSED = (
    Wrong("malformed JSON", CREATION, b'{"processDefinitionId": ', ("well-formed JSON", "truncated")),
    Wrong("text behind the JSON", CREATION, b"{} {}", ("well-formed JSON", "trailing")),
    Wrong("other bytes than UTF-8", CREATION, b'{"processDefinitionId":"\xff"}', ("UTF-8",)),
    Wrong("no number", CREATION, b'{"processDefinitionId":"a","variables":{"a":NaN}}', ("well-formed JSON",)),
    Wrong("half of a pair", CREATION, b'{"processDefinitionId":"a","variables":{"a":"\\ud800"}}', ("UTF-8",)),
    Wrong("a list", CREATION, [], ("object", "array")),
    Wrong("too deep", CREATION, b'{"variables":{"a":' + b"[" * 9_999 + b"]" * 9_999 + b"}}", ("nesting", "flatten")),
    Wrong("unknown property", CREATION, {"processDefinitionId": "a", "color": 1}, ("color", "unknown", "leave it out")),
    Wrong("unsupported property", "/v2/jobs/1/completion", {"jobLeaseToken": "a"}, ("jobLeaseToken", "not supported")),
    Wrong("wrong type", CREATION, {"processDefinitionId": 7}, ("processDefinitionId", "string", "integer")),
    Wrong("wrong types", "/v2/jobs/activation", {"type": "", "timeout": 0}, ("type", "timeout", "maxJobsToActivate")),
    Wrong("both id and key", CREATION, {"processDefinitionId": "a", "processDefinitionKey": "1"}, ("exactly one",)),
    Wrong("neither id nor key", CREATION, {}, ("exactly one of processDefinitionId, processDefinitionKey", "got 0")),
    Wrong("a key that is a number", CREATION, {"processDefinitionKey": 1}, ("processDefinitionKey", "a number")),
    Wrong(
        "variables that are a list", CREATION, {"processDefinitionId": "a", "variables": [1]}, ("variables", "array")
    ),
    Wrong("another tenant", CREATION, {"processDefinitionId": "a", "tenantId": "red"}, ("<default>", "red")),
    Wrong("jobs of another tenant", "/v2/jobs/activation", {"tenantIds": ["red"]}, ("tenantIds[0]", "red")),
    Wrong("no filter and no ids", CANCELLATION, {}, ("filter", "which process instances")),
    Wrong("a filter that is null", CANCELLATION, {"filter": None}, ("filter", "at least one condition")),
    Wrong("an empty filter", CANCELLATION, {"filter": {}}, ("empty filter", "which process instances")),
    Wrong("an empty alternative", CANCELLATION, {"filter": {"$or": [{}]}}, ("filter.$or[0]", "at least one")),
    Wrong(
        "an unknown condition", CANCELLATION, {"filter": {"state": "ACTIVE", "color": 1}}, ("filter.color", "out of")
    ),
    Wrong("an unknown filter property", SEARCH, {"filter": {"color": "red"}}, ("filter.color", "processInstanceKey")),
    Wrong("an unknown operator", SEARCH, {"filter": {"state": {"$regex": "A"}}}, ("filter.state", "$like", "$regex")),
    Wrong("an operator of another type", SEARCH, {"filter": {"processInstanceKey": {"$gt": "1"}}}, ("$in", "$gt")),
    Wrong("an unknown state", SEARCH, {"filter": {"state": "DONE"}}, ("ACTIVE, COMPLETED", "DONE")),
    Wrong("an unknown sort field", SEARCH, {"sort": [{"field": "color"}]}, ("sort[0].field", "startDate", "color")),
    Wrong("an unknown order", SEARCH, {"sort": [{"field": "state", "order": "UP"}]}, ("sort[0].order", "DESC", "UP")),
    Wrong("an unknown part of a search", SEARCH, {"filters": {}}, ("filters", "filter, sort, page")),
    Wrong("a limit below 0", SEARCH, {"page": {"limit": -1}}, ("page.limit", "from 0 to 10000", "-1")),
    Wrong("a limit above the highest", SEARCH, {"page": {"limit": 10_001}}, ("page.limit", "from 0 to 10000")),
    Wrong("two ways of paging", SEARCH, {"page": {"from": 1, "after": "a"}}, ("page", "one of", "from and after")),
    Wrong("no cursor", SEARCH, {"page": {"after": "a"}}, ("page.after", "cursor")),
    Wrong(
        "several things", SEARCH, {"filter": {"a": 1}, "sort": [{}], "page": {"b": 2}}, ("filter.a", "sort", "page.b")
    ),
    Wrong("no key", "/v2/process-instances/abc", None, ("key in the path", "'abc'"), method="GET"),
    Wrong("no 64-bit key", f"/v2/incidents/{1 << 64}", None, ("key in the path", "64-bit"), method="GET"),
    Wrong("unknown key", f"/v2/process-instances/{NOBODY}", None, (str(NOBODY),), 404, "GET"),
    Wrong(
        "key of no partition", f"/v2/process-instances/{first_key(9)}/cancellation", None, ("process instance",), 404
    ),
    Wrong("unknown query parameter", "/v2/topology?a=1", None, ("a: expected no query parameter",), method="GET"),
    Wrong("unknown route", "/v2/nothing", None, ("path", "/openapi.json"), 404, "GET"),
    Wrong("wrong method", "/v2/topology", None, ("method", "Allow"), 405, "DELETE"),
    Wrong("nothing to change", f"/v2/jobs/{NOBODY}", {"changeset": {}}, ("changeset", "at least one"), method="PATCH"),
)


@pytest.mark.parametrize("wrong", REFUSED, ids=[wrong.name for wrong in REFUSED])
def test_it_is_refused_before_the_log(http: httpx.Client, log: Log, wrong: Wrong) -> None:
    body = {"content": wrong.body} if isinstance(wrong.body, bytes) else {"json": wrong.body}
    headers = JSON if wrong.body is not None else {}
    sent = body if wrong.body is not None else {}
    answer = http.request(wrong.method, wrong.path, headers=headers, **sent)
    check_problem(answer, wrong.status, *wrong.texts)
    assert log.is_unchanged()
    assert answer.status_code != 405 or answer.headers["allow"]


def test_another_content_type_is_refused(http: httpx.Client, log: Log) -> None:
    for media_type in ("text/xml", "application/x-www-form-urlencoded"):
        answer = http.post(CREATION, content=b"a=1", headers={"content-type": media_type})
        check_problem(answer, 415, "application/json", media_type)
    check_problem(http.post("/v2/deployments", json={}), 415, "multipart/form-data", "application/json")
    assert log.is_unchanged()


def test_a_body_above_the_limit_is_refused(http: httpx.Client, log: Log) -> None:
    def pieces() -> Iterator[bytes]:
        """A body that does not tell its size."""
        for _ in range(GatewaySettings().body_size_max // 1_000_000 + 2):
            yield b" " * 1_000_000

    large = b" " * (GatewaySettings().body_size_max + 1)
    for body in (large, pieces()):
        check_problem(http.post(CREATION, content=body, headers=JSON), 413, "smaller body")
    assert log.is_unchanged()


def test_variables_above_the_limit_are_refused(http: httpx.Client, log: Log) -> None:
    limit = VALUE_SIZE_MAX - RECORD_HEADROOM
    variables = {"a": "x" * (limit - len('{"a":""}') + 1)}
    answer = http.post(CREATION, json={"processDefinitionId": PROCESS, "variables": variables})
    check_problem(answer, 400, "variables", f"at most {limit} bytes", f"got {limit + 1}")
    assert log.is_unchanged()


def rejected_paths(http: httpx.Client) -> list[tuple[str, str, Any]]:
    """Requests about what is not there, or is of another kind: method, path, body."""
    instance = http.post(CREATION, json={"processDefinitionId": PROCESS}).json()["processInstanceKey"]
    wanted = {"type": PROCESS, "timeout": 60_000, "maxJobsToActivate": 1}
    (taken,) = http.post("/v2/jobs/activation", json=wanted).json()["jobs"]
    assert taken["processInstanceKey"] == instance
    return [
        ("POST", CREATION, {"processDefinitionId": "nobody"}),
        ("POST", CREATION, {"processDefinitionId": PROCESS, "processDefinitionVersion": 9}),
        ("POST", CREATION, {"processDefinitionKey": instance}),
        ("POST", f"/v2/process-instances/{NOBODY}/cancellation", None),
        ("POST", f"/v2/process-instances/{taken['jobKey']}/cancellation", None),
        ("POST", f"/v2/process-instances/{taken['elementInstanceKey']}/cancellation", None),
        ("POST", f"/v2/jobs/{instance}/completion", None),
        ("POST", f"/v2/jobs/{instance}/failure", {"retries": 1}),
        ("POST", f"/v2/jobs/{instance}/error", {"errorCode": "a"}),
        ("PATCH", f"/v2/jobs/{instance}", {"changeset": {"retries": 1}}),
        ("POST", f"/v2/incidents/{instance}/resolution", None),
        ("POST", f"/v2/user-tasks/{instance}/completion", None),
        ("PUT", f"/v2/element-instances/{taken['jobKey']}/variables", {"variables": {"a": 1}}),
        ("POST", f"/v2/batch-operations/{instance}/suspension", None),
        ("POST", f"/v2/batch-operations/{instance}/resumption", None),
        ("POST", f"/v2/batch-operations/{instance}/cancellation", None),
    ]


def test_what_the_engine_refuses_is_a_rejection(http: httpx.Client, installation: Installation, log: Log) -> None:
    requests = rejected_paths(http)
    since = Log(installation)
    for method, path, body in requests:
        check_problem(http.request(method, path, json=body), 404)
    answers = since.answers()
    assert len(answers) == len(requests)
    assert {answer.partition(" ")[0] for answer in answers} == {REJECTION}
    for method, path in (("GET", f"/v2/incidents/{NOBODY}"), ("GET", f"/v2/process-definitions/{NOBODY}/xml")):
        check_problem(http.request(method, path), 404, str(NOBODY))


def unsupported() -> bytes:
    timer = element("intermediateCatchEvent", "wait", "<bpmn:timerEventDefinition />")
    names = ("start", "wait", "receive", "call", "end")
    parts = (start(), timer, element("receiveTask", "receive"), element("callActivity", "call"), end(), chain(*names))
    return model(process("unsupported", "\n".join(parts)))


ENTITY = b'<?xml version="1.0"?>\n<!DOCTYPE a [%s]>\n<a>&b;</a>'
BOMB = b'<!ENTITY c "cccccccccc"><!ENTITY b "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">'
MODELS = {
    "no XML": (b"hello", ("well-formed XML", "line 1")),
    "nothing": (b"", ("well-formed XML",)),
    "XML that does not end": (b"<a>\n<b>", ("well-formed XML", "line 2")),
    "a bomb of entities": (ENTITY % BOMB, ("document type", "remove it", "line 2")),
    "an external entity": (ENTITY % b'<!ENTITY b SYSTEM "file:///etc/hostname">', ("document type", "remove it")),
    "another document": (b"<svg/>", ("definitions",)),
    "an error in FEEL": (
        straight("feel", script("double", "=1 +", "r"), job("task", "=nothing(1)"), names=["double", "task"]),
        ("SCRIPT_TASK 'double'", "'=1 +'", "column 5", "SERVICE_TASK 'task'", "'nothing'"),
    ),
    "unsupported elements": (
        unsupported(),
        (
            "INTERMEDIATE_CATCH_EVENT 'wait' (line 2)",
            "RECEIVE_TASK 'receive' (line 3)",
            "CALL_ACTIVITY 'call' (line 4)",
        ),
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_executed_is_rejected(http: httpx.Client, log: Log, name: str) -> None:
    file, texts = MODELS[name]
    answer = http.post("/v2/deployments", files=resources(file))
    check_problem(answer, 400, "model.bpmn", *texts)
    assert answer.json()["title"] == "INVALID_ARGUMENT"
    assert log.answers() == ["REJECTION DEPLOYMENT"]


def test_a_deployment_without_a_model_is_refused(http: httpx.Client, log: Log) -> None:
    check_problem(http.post("/v2/deployments", files={"color": ("a.bpmn", b"a")}), 400, "color", "at least one file")
    check_problem(http.post("/v2/deployments", files=resources(b"a", name="a.rpa")), 400, "a.rpa", "BPMN, DMN")
    twice = [("resources", ("a.bpmn", b"a")), ("resources", ("a.bpmn", b"b"))]
    check_problem(http.post("/v2/deployments", files=twice), 400, "a.bpmn", "differ")
    tenant = {"tenantId": "red"}
    check_problem(http.post("/v2/deployments", files=resources(b"a"), data=tenant), 400, "<default>", "red")
    too_large = resources(b"<a>", b" " * VALUE_SIZE_MAX, b"</a>")
    check_problem(http.post("/v2/deployments", files=too_large), 413, "smaller body")


def test_files_are_deployed_all_or_none(http: httpx.Client, log: Log) -> None:
    good, bad = one_task("all-or-none"), b"<no/>"
    files = [("resources", ("good.bpmn", good)), ("resources", ("bad.bpmn", bad))]
    check_problem(http.post("/v2/deployments", files=files), 400, "bad.bpmn")
    check_problem(http.post(CREATION, json={"processDefinitionId": "all-or-none"}), 404, "all-or-none")
