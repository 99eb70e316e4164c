"""OpenSearch behind TLS and a login: what works, what is said when it does not, and that it goes on when put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests.integration.installation import PATIENCE, Installation, wait_until
from tests.integration.kafka_machines import run_retold
from tests.support.certificates import Authority
from tests.support.guarding_proxy import GuardingProxy
from tests.support.models import one_task

USER, PASSWORD = "retold", "a password that nobody may see"


class Guarded(Struct, frozen=True, kw_only=True):
    """An installation whose index is behind a proxy that asks who somebody is."""

    proxy: GuardingProxy
    engine: Installation
    authority: Path

    def problem(self) -> str:
        """What keeps the exporter from working, as readiness tells it."""
        try:
            answer = httpx.get(f"{self.engine.url}/health/ready", timeout=PATIENCE)
        except httpx.TransportError:
            return "nobody serves"
        problem = str(answer.json()["parts"].get("exporter", "no exporter"))
        return "" if problem == "UP" else problem

    def wait_problem(self, *texts: str) -> None:
        def is_told() -> bool:
            problem = self.problem()
            return all(text in problem for text in texts)

        wait_until(is_told, f"a problem with {texts}")
        assert PASSWORD not in self.problem()

    def create(self) -> None:
        body = {"processDefinitionId": "order"}
        httpx.post(f"{self.engine.url}/v2/process-instances", json=body, timeout=PATIENCE).raise_for_status()

    def found(self) -> int:
        answer = httpx.post(f"{self.engine.url}/v2/process-instances/search", json={}, timeout=PATIENCE)
        return int(answer.json()["page"]["totalItems"]) if answer.is_success else -1


@pytest.fixture
def guarded(tmp_path: Path, opensearch: str, index_prefix: str) -> Iterator[Guarded]:
    authority = Authority(tmp_path / "authority")
    certificate = authority.issue("127.0.0.1", name="node")
    with GuardingProxy(opensearch, certificate, {USER: PASSWORD}) as proxy:
        settings = {
            "URL": proxy.url,
            "INDEX_PREFIX": index_prefix,
            "USERNAME": USER,
            "PASSWORD": PASSWORD,
            "CA_FILE": str(authority.file),
        }
        environment = {f"RETOLD_OPENSEARCH_{name}": value for name, value in settings.items()}
        engine = Installation(tmp_path, environment=environment)
        yield Guarded(proxy=proxy, engine=engine, authority=authority.file)


def test_documents_are_written_and_found_through_tls_and_a_login(guarded: Guarded) -> None:
    with guarded.engine as engine:
        sent = {"resources": ("order.bpmn", one_task("order"), "text/xml")}
        httpx.post(f"{engine.url}/v2/deployments", files=sent, timeout=PATIENCE).raise_for_status()
        guarded.create()
        wait_until(lambda: guarded.found() == 1, "an instance that is found")
        check_a_changed_password(guarded)
        check_a_right_that_is_taken_away(guarded)
    assert guarded.proxy.refused.keys() == {401, 403}
    verified = run_retold("replay", "verify", "--data", str(engine.data), environment=engine.environment)
    assert verified.returncode == 0, verified


def check_a_changed_password(guarded: Guarded) -> None:
    guarded.proxy.users = {USER: "another"}
    guarded.create()
    guarded.wait_problem("401", "check opensearch.username, opensearch.password")
    answer = httpx.post(f"{guarded.engine.url}/v2/process-instances/search", json={}, timeout=PATIENCE)
    assert answer.status_code == 503
    assert "401" in answer.json()["detail"]
    assert PASSWORD not in answer.text
    guarded.proxy.users = {USER: PASSWORD}
    wait_until(lambda: guarded.found() == 2, "the instance that came meanwhile")
    wait_until(lambda: not guarded.problem(), "an exporter without a problem")


def check_a_right_that_is_taken_away(guarded: Guarded) -> None:
    guarded.proxy.permits = lambda _, path: not path.partition("?")[0].endswith("/_bulk")
    guarded.create()
    guarded.wait_problem("403 security_exception: no permissions for", "check opensearch.username")
    assert guarded.found() == 2, "what is there is found"
    guarded.proxy.permits = lambda *_: True
    wait_until(lambda: guarded.found() == 3, "the instance that came meanwhile")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"PASSWORD": "wrong"}, ["OpenSearch answers 401", "check opensearch.username, opensearch.password"]),
        ({"CA_FILE": "foreign"}, ["by the authority in ", "got: unable to get local issuer", "set opensearch.caFile"]),
        ({"URL": "http:"}, ["expected an answer of OpenSearch", "opensearch.url right?"]),
    ],
    ids=["password", "foreign authority", "no tls"],
)
def test_wrong_settings_are_told_and_the_engine_works_without_its_index(
    guarded: Guarded, tmp_path: Path, settings: dict[str, str], expected: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    values: dict[str, Callable[[], str]] = {
        "foreign": lambda: str(Authority(tmp_path, "foreign").file),
        "http:": lambda: guarded.proxy.url.replace("https:", "http:"),
    }
    engine = guarded.engine
    for name, value in settings.items():
        engine.environment[f"RETOLD_OPENSEARCH_{name}"] = values[value]() if value in values else value
    engine.begin()
    try:
        guarded.wait_problem(*expected)
        sent = {"resources": ("order.bpmn", one_task("order"), "text/xml")}
        httpx.post(f"{engine.url}/v2/deployments", files=sent, timeout=PATIENCE).raise_for_status()
        guarded.create()
        assert guarded.found() == -1
    finally:
        engine.stop()
    done = run_retold("replay", "verify", "--data", str(engine.data), environment=engine.environment)
    assert done.returncode != 0
    assert expected[-1] in done.stdout + done.stderr
    said = "".join(capfd.readouterr()) + done.stdout + done.stderr
    assert "Traceback" not in said
    assert PASSWORD not in said


def test_a_file_that_is_missing_refuses_the_start(guarded: Guarded) -> None:
    environment = {**guarded.engine.environment, "RETOLD_OPENSEARCH_CA_FILE": "missing.pem"}
    done = run_retold("run", "--port", "0", "--data", str(guarded.engine.data), environment=environment)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "error: opensearch.caFile: expected a PEM file with certificates at missing.pem, got: No such"
    )
