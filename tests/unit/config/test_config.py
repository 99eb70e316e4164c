"""Configuration: defaults, files, the environment, and every problem at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.config import CHUNK_SIZE_DISCOURAGED, Settings, environment_names, load, settings_table, template
from engine.config.section import camel
from engine.config.sections import BatchOperationSettings, GatewaySettings, ProcessSettings
from engine.core.faults import BadRequest
from engine.core.settings import LIMITS, MachineSettings

#: Where the settings of the machine are.
SECTIONS = {"batch_operation": BatchOperationSettings, "process": ProcessSettings, "gateway": GatewaySettings}

#: "Configuration example" of the Camunda 8 documentation of batch operations, as it is.
BROKER_EXAMPLE = """
zeebe:
  broker:
    experimental:
      engine:
        batchOperation:
          # Scheduler
          schedulerInterval: PT1S

          # Chunking and pagination
          chunkSize: 1000
          dbChunkSize: 3500
          queryPageSize: 10000
          queryInClauseSize: 1000

          # Retry and error handling
          queryRetryMax: 3
          queryRetryInitialDelay: PT1S
          queryRetryMaxDelay: PT60S
          queryRetryBackoffFactor: 2.0
"""

#: "Exporter configuration" of the same page, as it is.
EXPORTER_EXAMPLE = """
exporters:
  camundaexporter:
    args:
      batchOperation:
        exportItemsOnCreation: false
"""


def read(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Settings:
    file = tmp_path / "retold.yaml"
    file.write_text(text)
    return load(file, environment=environment or {})


def test_the_defaults_are_those_of_the_documentation() -> None:
    batch = load(environment={}).batch_operation
    assert (batch.scheduler_interval, batch.query_retry_initial_delay) == (timedelta(seconds=1), timedelta(seconds=1))
    assert (batch.chunk_size, batch.db_chunk_size, batch.query_page_size) == (1000, 3500, 10_000)
    assert (batch.query_in_clause_size, batch.query_retry_max) == (1000, 3)
    assert (batch.query_retry_max_delay, batch.query_retry_backoff_factor) == (timedelta(seconds=60), 2.0)
    assert load(environment={}).exporter.batch_operation.export_items_on_creation is True


def test_the_documentations_examples_are_valid_as_they_are(tmp_path: Path) -> None:
    assert read(tmp_path, BROKER_EXAMPLE) == load(environment={})
    assert read(tmp_path, EXPORTER_EXAMPLE).exporter.batch_operation.export_items_on_creation is False
    both = read(tmp_path, BROKER_EXAMPLE.replace("chunkSize: 1000", "chunkSize: 7", 1) + EXPORTER_EXAMPLE)
    assert both.batch_operation.chunk_size == 7
    assert both.exporter.batch_operation.export_items_on_creation is False


def test_newer_names_of_camunda_are_understood(tmp_path: Path) -> None:
    text = "camunda:\n  processing:\n    engine:\n      batch-operations:\n        query-page-size: 5\n"
    assert read(tmp_path, text).batch_operation.query_page_size == 5


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path: Path) -> None:
    file = tmp_path / "retold.yaml"
    file.write_text("port: 1\npartitions: 3\n")
    settings = load(file, {"port": 3, "host": None}, {"RETOLD_PORT": "2", "RETOLD_BATCH_OPERATION_CHUNK_SIZE": "9"})
    assert (settings.port, settings.partitions, settings.batch_operation.chunk_size) == (3, 3, 9)
    assert load(file, {}, {"RETOLD_PORT": "2"}).port == 2


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "prot: 1\npartitions: 0\nbatchOperation:\n  chunkSize: 0\n  queryRetryInitialDelay: 5\n  queryRetryMax: -1\n"
    with pytest.raises(BadRequest) as caught:
        read(tmp_path, text, {"RETOLD_CHUNKSIZE": "1", "RETOLD_PORT": "x"})
    message = caught.value.message
    for name in ("prot", "partitions", "batchOperation.chunkSize", "batchOperation.queryRetryInitialDelay"):
        assert f"- {name}: " in message
    assert "- batchOperation.queryRetryMax: " in message
    assert "- RETOLD_CHUNKSIZE: expected the name of a setting" in message
    assert "- port: " in message


def test_the_longest_delay_is_not_below_the_first(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="queryRetryMaxDelay to be at least queryRetryInitialDelay"):
        read(tmp_path, "batchOperation:\n  queryRetryInitialDelay: PT2S\n  queryRetryMaxDelay: PT1S\n")


@pytest.mark.parametrize("text", ["a: [", "- a", "7"])
def test_what_is_not_a_mapping_in_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRequest, match="expected"):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match=r"missing\.yaml"):
        load(tmp_path / "missing.yaml", environment={})


@pytest.mark.parametrize(("size", "count"), [(CHUNK_SIZE_DISCOURAGED, 0), (CHUNK_SIZE_DISCOURAGED + 1, 1)])
def test_a_large_chunk_size_gives_a_warning(size: int, count: int) -> None:
    warnings = load(environment={"RETOLD_BATCH_OPERATION_CHUNK_SIZE": str(size)}).warnings()
    assert len(warnings) == count
    assert all("4 MiB" in warning and str(size) in warning for warning in warnings)


def test_the_template_lists_every_setting_and_means_the_defaults(tmp_path: Path) -> None:
    text = template()
    assert read(tmp_path, text) == load(environment={})
    for path, name, _, description in settings_table():
        assert f"{path[-1]}: " in text
        assert f"({name})" in text
        assert description


def test_every_setting_has_its_name_in_the_environment() -> None:
    names = environment_names()
    assert len(names) == len(settings_table())
    assert names["RETOLD_EXPORTER_BATCH_OPERATION_EXPORT_ITEMS_ON_CREATION"] == (
        "exporter",
        "batchOperation",
        "exportItemsOnCreation",
    )


def test_the_machine_gets_its_settings() -> None:
    settings = load(environment={"RETOLD_BATCH_OPERATION_QUERY_RETRY_MAX_DELAY": "PT1M30.5S"}).machine()
    assert settings.query_retry_max_delay_ms == 90_500
    changed = {"query_retry_max_delay_ms", "slice_size"}
    for name in set(MachineSettings.__struct_fields__) - changed:
        assert getattr(settings, name) == getattr(MachineSettings(), name), name


@pytest.mark.parametrize("name", sorted(LIMITS.keys() - {"activation_size_max"}))
def test_nothing_can_be_set_that_the_machine_refuses(name: str) -> None:
    setting = name.removesuffix("_ms")
    (section,) = {section for section, below in SECTIONS.items() if setting in below.model_fields}
    for limit, beyond in zip(LIMITS[name], (-1, 1), strict=True):
        value = limit + beyond
        text = f"PT{value / 1000:.3f}S" if name.endswith("_ms") else value
        with pytest.raises(BadRequest, match=camel(setting)):
            load(overrides={f"{section}.{setting}": text}, environment={})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kafka: {securityProtocol: SASL_SSL, saslUsername: a}", "expected saslUsername and saslPassword with"),
        ("kafka: {saslUsername: a, saslPassword: b}", "expected no saslUsername and saslPassword with"),
        ("kafka: {sslCaFile: a.pem}", "expected no sslCaFile, sslCertificateFile and sslKeyFile with"),
        ("kafka: {securityProtocol: SSL, sslKeyFile: a.pem}", "expected sslCertificateFile and sslKeyFile together"),
        ("opensearch: {username: a}", "expected username and password together, got a username alone"),
        ("kafka: {schemaRegistry: {password: a}}", "expected username and password together, got a password alone"),
    ],
)
def test_security_that_would_not_be_used_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(BadRequest, match=expected):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "kafka: {saslPassword: 123456}",
        "opensearch: {username: a, password: 123456}",
        "opensearch: {url: 'https://a:123456@b'}",
        "opensearch: {url: 'a:123456@b'}",
        "kafka: {schemaRegistry: {url: 'https://a:123456@b'}}",
    ],
)
def test_problems_show_no_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(tmp_path, text)
    assert "123456" not in refused.value.message


def test_problems_say_what_was_expected(tmp_path: Path) -> None:
    text = (
        "port: 70000\npartitions: x\nhosts: a\nlog: 7\n"
        "batchOperation:\n  schedulerInterval: soon\n  chunkSize: 0\n"
        "telemetry:\n  headers: hidden\n  sampleRatio: 3\n"
    )
    with pytest.raises(BadRequest) as refused:
        read(tmp_path, text)
    assert refused.value.message.splitlines()[1:] == [
        "- port: expected at most 65535, got 70000",
        "- partitions: expected a whole number, got 'x'",
        "- batchOperation.schedulerInterval: expected a duration such as PT1.5S, got 'soon'",
        "- batchOperation.chunkSize: expected more than 0, got 0",
        "- log: expected a section with settings, got 7",
        "- telemetry.headers: expected headers as name=value,name=value, got another text",
        "- telemetry.sampleRatio: expected at most 1.0",
        "- hosts: expected the name of a setting, got another; see `retold config template`",
    ]


def test_an_option_may_name_a_setting_in_a_section_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "retold.yaml"
    file.write_text("kafka:\n  topicPrefix: mine\n  bootstrapServers: file:1\n")
    settings = load(file, {"kafka.bootstrap_servers": "option:1", "opensearch.url": None}, environment={})
    assert (settings.kafka.bootstrap_servers, settings.kafka.topic_prefix) == ("option:1", "mine")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"RETOLD_ROLES": "gateway"}, "one machine does everything"),
        ({"RETOLD_ROLES": "engine,gateway", "RETOLD_KAFKA_BOOTSTRAP_SERVERS": "a:1"}, "expected the role exporter"),
    ],
)
def test_roles_that_cannot_work_are_refused(environment: dict[str, str], expected: str) -> None:
    with pytest.raises(BadRequest, match=expected):
        load(environment=environment)


def test_with_brokers_and_a_search_store_a_machine_may_have_any_roles() -> None:
    servers = {"RETOLD_KAFKA_BOOTSTRAP_SERVERS": "a:1", "RETOLD_OPENSEARCH_URL": "http://b:1"}
    assert load(environment={"RETOLD_ROLES": "gateway", **servers}).roles == ("gateway",)


#: What each setting that is a list or a mapping may be in the environment, and what that means.
MANY = {
    "RETOLD_ROLES": ("engine, gateway,exporter", ("engine", "gateway", "exporter")),
    "RETOLD_BATCH_OPERATION_RETENTION_BY_TYPE": (
        "CANCEL_PROCESS_INSTANCE=1d, SET_VARIABLES = PT2H,UPDATE_JOB=2h",
        {
            "CANCEL_PROCESS_INSTANCE": timedelta(days=1),
            "SET_VARIABLES": timedelta(hours=2),
            "UPDATE_JOB": timedelta(hours=2),
        },
    ),
    "RETOLD_BATCH_OPERATION_APPROVAL_TYPES": (
        "CANCEL_PROCESS_INSTANCE,UPDATE_JOB",
        ("CANCEL_PROCESS_INSTANCE", "UPDATE_JOB"),
    ),
    "RETOLD_WEBHOOK_ALLOWED_HOSTS": ("a,b:8443", ("a", "b:8443")),
    "RETOLD_WEBHOOK_ALLOWED_NETWORKS": ("10.1.0.0/16,10.2.0.0/16", ("10.1.0.0/16", "10.2.0.0/16")),
    "RETOLD_KAFKA_INBOXES": ("shop=client:shop,repair=user:ada", ("shop=client:shop", "repair=user:ada")),
}


def test_every_list_and_mapping_is_tried() -> None:
    many = {name for _, name, default, _ in settings_table() if isinstance(default, (tuple, list, dict, set))}
    assert many == set(MANY)
    lines = template().splitlines()
    assert all(any(f"({name}); there " in line for line in lines) for name in MANY if name != "RETOLD_ROLES")


@pytest.mark.parametrize("name", MANY)
def test_lists_and_mappings_can_be_given_in_the_environment(name: str) -> None:
    text, expected = MANY[name]
    brokers = {"RETOLD_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092"} if "KAFKA" in name else {}
    found: object = load(environment=brokers | {name: text})
    for part in environment_names()[name]:
        found = {camel(field): getattr(found, field) for field in type(found).model_fields}[part]  # type: ignore[attr-defined]
    assert found == expected


@pytest.mark.parametrize("text", ["CANCEL_PROCESS_INSTANCE", "=1d", "A=1d,A=2d", "A=soon"])
def test_a_mapping_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match=r"batchOperation\.retentionByType.*: expected "):
        load(environment={"RETOLD_BATCH_OPERATION_RETENTION_BY_TYPE": text})


@pytest.mark.parametrize(
    ("environment", "warns"),
    [
        ({"RETOLD_BATCH_OPERATION_APPROVAL_TYPES": "CANCEL_PROCESS_INSTANCE"}, True),
        ({"RETOLD_BATCH_OPERATION_APPROVAL_ITEMS_MIN": "5"}, True),
        ({"RETOLD_BATCH_OPERATION_APPROVAL_ITEMS_MIN": "5", "RETOLD_AUTHORIZATION_ENABLED": "true"}, False),
        ({}, False),
    ],
)
def test_approval_that_nobody_can_give_is_a_warning(environment: dict[str, str], *, warns: bool) -> None:
    assert any("NOBODY CAN APPROVE" in text for text in load(environment=environment).warnings()) == warns
