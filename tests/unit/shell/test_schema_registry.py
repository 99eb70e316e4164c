"""Our schemas in a registry of Confluent's protocol: what is registered, asked for and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from msgspec import structs

from engine.config import Settings
from engine.core.faults import RetoldError, Unavailable
from engine.records import FAMILIES
from engine.schema_ids import register_schemas, schema_ids
from engine.shell.codec import SchemaIds
from engine.shell.codec.evolution import current_texts, histories
from engine.shell.codec.schema import fingerprint, parse
from engine.shell.schema_registry import ATTEMPTS_MAX, RegistryConnection, SchemaRegistry
from tests.support.certificates import Authority
from tests.support.guarding_proxy import GuardingProxy
from tests.support.http_server import HttpServer, QuietHandler
from tests.support.registry import Registry

HISTORIES = histories(files("schemas"))
JOB = current_texts(files("schemas"))["job"]


def name_of(text: str) -> str:
    return f"{fingerprint(parse(text)):016x}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry(first_id=100) as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def client(registry: Registry, pauses: list[float]) -> Iterator[SchemaRegistry]:
    with SchemaRegistry(RegistryConnection(url=f"{registry.url}/"), sleep=pauses.append) as connected:
        yield connected


def test_every_family_is_registered_under_its_record_name(registry: Registry, client: SchemaRegistry) -> None:
    ids = client.register(HISTORIES)
    assert len(registry.subjects) == len(FAMILIES) == len(ids.written)
    assert registry.subjects["io.retold.Job"] == [(ids.written[name_of(JOB)], JOB)]
    assert set(registry.levels.values()) == {"FULL_TRANSITIVE"}
    assert registry.levels.keys() == registry.subjects.keys()
    assert {ids.known[number] for number in ids.written.values()} == ids.written.keys()


def test_registering_again_changes_nothing_and_gives_the_same(registry: Registry, client: SchemaRegistry) -> None:
    first = client.register(HISTORIES)
    registry.requests.clear()
    assert client.register(HISTORIES) == first == client.look_up(HISTORIES)
    assert not [request for request in registry.requests if request.startswith("POST")]


def test_words_that_changed_keep_the_id(registry: Registry, client: SchemaRegistry) -> None:
    other = json.dumps({**json.loads(JOB), "doc": "The same in other words."})
    ids = client.register([[other]])
    assert client.register([[JOB]]) == ids
    assert len(registry.subjects["io.retold.Job"]) == 1


def test_ids_of_the_same_schema_are_all_read_and_the_first_is_written(
    registry: Registry, client: SchemaRegistry
) -> None:
    other = json.dumps({**json.loads(JOB), "doc": "The same in other words."})
    first, second = registry.put("io.retold.Job", other), registry.put("io.retold.Job", JOB)
    ids = client.register([[JOB]])
    assert ids.written == {name_of(JOB): first}
    assert ids.known == {first: name_of(JOB), second: name_of(JOB)}


def test_a_history_is_registered_in_order(registry: Registry, client: SchemaRegistry) -> None:
    document = json.loads(JOB)
    older = json.dumps({**document, "fields": document["fields"][:-1]})
    ids = client.register([[older, JOB]])
    assert [text for _, text in registry.subjects["io.retold.Job"]] == [older, JOB]
    assert ids.written.keys() == {name_of(older), name_of(JOB)}


def test_an_incompatible_schema_is_refused_with_the_registrys_words(registry: Registry, client: SchemaRegistry) -> None:
    document = json.loads(JOB)
    for field in document["fields"]:
        if field["name"] == "retries":
            field["type"], field["default"] = "string", ""
    registry.put("io.retold.Job", json.dumps(document))
    with pytest.raises(RetoldError, match=r"FULL_TRANSITIVE(.|\n)*io.retold.Job: Schema being registered.*retries"):
        client.register(HISTORIES)
    assert len(registry.subjects["io.retold.Job"]) == 1
    assert len(registry.subjects) == len(FAMILIES), "all others are looked at, so that all problems are told at once"


def test_a_schema_of_somebody_else_is_passed_over(registry: Registry, client: SchemaRegistry) -> None:
    theirs = registry.put("io.retold.Job", '{"type": "enum", "name": "Job", "symbols": ["A"]}')
    ids = client.look_up([[JOB]])
    assert (ids.known, ids.written) == ({}, {})
    assert theirs not in ids.known


def test_a_level_that_cannot_be_set_is_refused(client: SchemaRegistry, registry: Registry) -> None:
    registry.stubborn = True
    with pytest.raises(RetoldError, match=r"to hold io.retold.Job to FULL_TRANSITIVE, got BACKWARD"):
        client.register([[JOB]])


def test_what_may_pass_is_tried_again(registry: Registry, client: SchemaRegistry, pauses: list[float]) -> None:
    registry.failures = [503, 500, 429]
    assert client.register([[JOB]]).written
    assert pauses == [0.5, 1.0, 2.0]


def test_a_registry_that_is_away_is_asked_so_often_and_no_more(pauses: list[float]) -> None:
    with Registry() as gone:
        url = gone.url
    connection = RegistryConnection(url=url)
    expected = f"expected a schema registry at {url}, got: .*schemaRegistry.url"
    with SchemaRegistry(connection, sleep=pauses.append) as client, pytest.raises(Unavailable, match=expected):
        client.register([[JOB]])
    assert len(pauses) == ATTEMPTS_MAX - 1


def test_an_answer_that_does_not_help_is_told_at_once(
    registry: Registry, client: SchemaRegistry, pauses: list[float]
) -> None:
    registry.failures = [401]
    with pytest.raises(RetoldError, match=r"got 401: out of order; check kafka.schemaRegistry, its user"):
        client.register([[JOB]])
    assert pauses == []


def settings(data: Path, url: str) -> Settings:
    kafka = {"bootstrapServers": "127.0.0.1:1", "schemaRegistry": {"url": url}}
    return Settings.model_validate({"data": str(data), "kafka": kafka})


def test_ids_are_kept_and_nobody_is_asked_again(registry: Registry, tmp_path: Path) -> None:
    wanted = settings(tmp_path, registry.url)
    register_schemas(wanted)
    registry.requests.clear()
    ids = schema_ids(wanted)
    assert ids is not None
    assert len(ids.written) == len(FAMILIES)
    assert registry.requests == []


def test_a_tool_elsewhere_asks_the_registry_and_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    register_schemas(settings(tmp_path, registry.url))
    (tmp_path / "schema-ids.json").unlink()
    registry.requests.clear()
    ids = schema_ids(settings(tmp_path, registry.url))
    assert ids is not None
    assert len(ids.written) == len(FAMILIES)
    assert all(request.startswith("GET") for request in registry.requests)


def test_ids_of_another_registry_are_not_taken(registry: Registry, tmp_path: Path) -> None:
    with Registry(first_id=5000) as other:
        register_schemas(settings(tmp_path, other.url))
    ids = schema_ids(settings(tmp_path, registry.url))
    assert ids is not None
    assert ids.written == {}


def test_without_a_url_there_are_none(tmp_path: Path) -> None:
    register_schemas(Settings(data=tmp_path))
    assert schema_ids(Settings(data=tmp_path)) is None
    assert list(tmp_path.iterdir()) == []


def test_a_start_needs_no_registry_once_all_ids_are_kept(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = settings(tmp_path, registry.url)
    register_schemas(wanted)
    ids = schema_ids(wanted)
    assert capsys.readouterr().err == ""
    registry.requests.clear()
    registry.failures = [503]
    register_schemas(wanted)
    assert len(registry.requests) == 1, "nobody waits for it"
    assert schema_ids(wanted) == ids
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: expected the schema registry to answer ")
    assert line.endswith("schema-ids.json, so the start goes on")


def test_a_start_waits_for_the_registry_when_ids_are_missing(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = settings(tmp_path, registry.url)
    register_schemas(wanted)
    kept = json.loads((tmp_path / "schema-ids.json").read_text())
    kept["ids"]["written"].pop(name_of(JOB))
    (tmp_path / "schema-ids.json").write_text(json.dumps(kept))
    registry.failures = [503]
    register_schemas(wanted)
    ids = schema_ids(wanted)
    assert ids is not None
    assert name_of(JOB) in ids.written
    assert capsys.readouterr().err == ""


def test_what_is_no_registry_is_told() -> None:
    class Page(QuietHandler):
        def do_GET(self) -> None:  # noqa: N802 - name of the base class
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Welcome</html>")

    expected = r"got an answer that is no JSON: '<html>Welcome</html>'; correct kafka.schemaRegistry.url"
    with (
        HttpServer(Page) as page,
        SchemaRegistry(RegistryConnection(url=page.url)) as asking,
        pytest.raises(RetoldError, match=expected),
    ):
        asking.register([[JOB]])


def test_a_registry_behind_tls_and_a_login(registry: Registry, tmp_path: Path, pauses: list[float]) -> None:
    ours, foreign = Authority(tmp_path, "ours"), Authority(tmp_path, "foreign")
    with GuardingProxy(registry.url, ours.issue("127.0.0.1", name="registry"), {"engine": "right"}) as proxy:

        def register(**others: object) -> SchemaIds:
            right = RegistryConnection(url=proxy.url, username="engine", password="right", ca_file=ours.file)
            with SchemaRegistry(structs.replace(right, **others), sleep=pauses.append) as asking:
                return asking.register([[JOB]])

        assert name_of(JOB) in register().written
        for others, expected in (
            ({"password": "secret"}, "got 401: Unauthorized; check kafka.schemaRegistry, its user"),
            ({"ca_file": foreign.file}, "by the authority in .*got: unable to get .*set kafka.schemaRegistry.caFile"),
            ({"ca_file": None}, "by an authority that the system trusts, got: .*set kafka.schemaRegistry.caFile"),
            ({"ca_file": Path("missing.pem")}, "kafka.schemaRegistry.caFile: expected a PEM file .*got: No such file"),
        ):
            with pytest.raises(RetoldError, match=expected) as told:
                register(**others)
            assert not isinstance(told.value, Unavailable), "trying again cannot help"
            assert "secret" not in told.value.message
    assert pauses == []
