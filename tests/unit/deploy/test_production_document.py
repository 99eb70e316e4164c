"""docs/production.md names settings, alerts and commands that exist, and its configuration file is valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from deployed import DEPLOY, ROOT, read_yaml

from engine.cli.main import create_app
from engine.config import environment_names, load, settings_table

TEXT = (ROOT / "docs" / "production.md").read_text()
README = (ROOT / "README.md").read_text()
SECTIONS = {path[0] for path, *_ in settings_table() if len(path) > 1}


def test_the_alerts_are_those_of_prometheus() -> None:
    defined = [rule["alert"] for group in read_yaml(DEPLOY / "alerts.yml")["groups"] for rule in group["rules"]]
    assert sorted(re.findall(r"`(Retold[A-Z]\w+)`", TEXT)) == sorted(defined)


PASSWORDS = {"RETOLD_KAFKA_SASL_PASSWORD": "secret", "RETOLD_OPENSEARCH_PASSWORD": "secret"}


def test_the_configuration_file_is_valid(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "retold.yaml"
    file.write_text(block)
    settings = load(file, environment=PASSWORDS)
    assert settings.warnings() == []
    assert settings.kafka.bootstrap_servers
    assert settings.opensearch.url
    assert settings.snapshots.directory


def test_every_setting_that_is_named_exists() -> None:
    known = {".".join(path) for path, *_ in settings_table()}
    words = re.findall(r"`([a-z][A-Za-z]*\.[A-Za-z.]+)`", TEXT)
    named = {word for word in words if word.partition(".")[0] in SECTIONS}
    assert len(named) >= 8
    assert named <= known
    for name in set(re.findall(r"\bRETOLD_[A-Z_]+[A-Z]\b", TEXT + README)) - {"RETOLD_URL", "RETOLD_CONFIG"}:
        assert name in environment_names(), name


def commands() -> list[str]:
    """Every command line of `retold` in the document, and in the README's section about Kafka."""
    _, _, section = README.partition("## On Kafka and OpenSearch")
    blocks = re.findall(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    inline = [text for text in re.findall(r"`(retold [^`]*)`", TEXT) if "…" not in text]
    return sorted({*inline, *(line for line in lines if line.startswith("retold "))})


@pytest.mark.parametrize("line", commands())
def test_every_command_that_is_shown_exists(line: str) -> None:
    command = typer.main.get_command(create_app())
    _, *words = shlex.split(line)
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"retold has no {name}: {line}"
        command = command.commands[name]
    command.make_context(line, words)
