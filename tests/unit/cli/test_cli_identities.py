"""`retold users`, `groups` and `authorizations` against an engine that answers as told, and how commands log in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_engine import Answer, FakeEngine, Retold

from engine.cli.faults import UsageFault
from engine.cli.login import login_headers

PROGRAM = "from engine.cli.main import main; main()"
ADA = {"username": "ada", "name": "Ada", "email": None}
PAGE = {"totalItems": 1, "hasMoreTotalItems": False, "startCursor": None, "endCursor": None}


def test_a_user_is_created_with_a_password_from_a_file(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("my secret\n")
    engine.answers("POST", "/users", Answer(body=ADA, status=201))
    ran = retold("users", "create", "ada", "--password-file", str(secret), "--name", "Ada")
    assert (ran.exit_code, ran.errors) == (0, "")
    assert "secret" not in ran.output
    assert engine.asked[0].body == {"username": "ada", "password": "my secret", "name": "Ada", "email": None}


def test_what_is_not_given_of_a_user_stays(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("GET", "/users/ada", Answer(body=ADA))
    engine.answers("PUT", "/users/ada", Answer(body={**ADA, "email": "a@b.c"}))
    assert json.loads(retold("users", "update", "ada", "--email", "a@b.c", "--json").output)["email"] == "a@b.c"
    assert engine.asked[1].body == {"name": "Ada", "email": "a@b.c"}


def test_users_are_listed_and_deleted(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/users/search", Answer(body={"items": [ADA], "page": PAGE}))
    engine.answers("DELETE", "/users/ada", Answer(status=204, body=None))
    assert "ada" in retold("users", "list").output
    assert retold("users", "delete", "ada").output.split() == ["User", "ada", "Accepted", "deletion"]


def test_a_password_file_must_have_one(engine: FakeEngine, retold: Retold, tmp_path: Path) -> None:
    absent = retold("users", "create", "ada", "--password-file", str(tmp_path / "none"))
    assert absent.exit_code == 2
    assert f"{tmp_path / 'none'}, got: No such file or directory" in absent.errors
    (tmp_path / "no-text").write_bytes(b"\xff")
    assert "no text in UTF-8" in retold("users", "create", "ada", "--password-file", str(tmp_path / "no-text")).errors
    (tmp_path / "empty").write_text("\n")
    assert retold("users", "create", "ada", "--password-file", str(tmp_path / "empty")).exit_code == 2
    assert engine.asked == []


def test_without_a_terminal_nobody_is_asked_for_a_password(engine: FakeEngine) -> None:
    command = [sys.executable, "-c", PROGRAM, "users", "create", "ada", "--url", engine.url]
    # a session of its own has no terminal, whoever runs the tests
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True, check=False
    )
    assert (done.returncode, done.stdout, engine.asked) == (2, "", [])
    assert done.stderr.startswith("error: expected --password-file, because there is no terminal")


def test_groups_and_their_members(engine: FakeEngine, retold: Retold) -> None:
    some = {"groupId": "operators", "name": "operators", "description": None}
    engine.answers("POST", "/groups", Answer(body=some, status=201))
    engine.answers("PUT", "/groups/operators/users/ada", Answer(status=204, body=None))
    engine.answers("DELETE", "/groups/operators/clients/robot", Answer(status=204, body=None))
    engine.answers(
        "POST", "/groups/operators/users/search", Answer(body={"items": [{"username": "ada"}], "page": PAGE})
    )
    engine.answers("POST", "/groups/operators/clients/search", Answer(body={"items": [], "page": PAGE}))
    assert retold("groups", "create", "operators").exit_code == 0
    assert engine.asked[0].body == {"groupId": "operators", "name": "operators", "description": None}
    assert retold("groups", "add", "operators", "--user", "ada").exit_code == 0
    assert retold("groups", "remove", "operators", "--client", "robot").exit_code == 0
    assert json.loads(retold("groups", "members", "operators", "--json").output) == {"users": ["ada"], "clients": []}
    assert retold("groups", "add", "operators").exit_code == 2


def test_authorizations_are_created_updated_and_deleted(engine: FakeEngine, retold: Retold) -> None:
    engine.answers("POST", "/authorizations", Answer(body={"authorizationKey": "7"}, status=201))
    engine.answers("PUT", "/authorizations/7", Answer(status=204, body=None))
    engine.answers("DELETE", "/authorizations/7", Answer(status=204, body=None))
    line = ("user:ada", "process_definition", "read_process_instance", "--resource", "order")
    assert retold("authorizations", "create", *line).output.split() == ["Authorization", "7"]
    assert retold("authorizations", "update", "7", *line).exit_code == 0
    assert retold("authorizations", "delete", "7").exit_code == 0
    wish = {
        "ownerType": "USER",
        "ownerId": "ada",
        "resourceType": "PROCESS_DEFINITION",
        "resourceId": "order",
        "permissionTypes": ["READ_PROCESS_INSTANCE"],
    }
    assert [asked.body for asked in engine.asked[:2]] == [wish, wish]
    assert retold("authorizations", "create", "ada", "BATCH", "READ").exit_code == 2


def test_a_login_comes_from_the_environment() -> None:
    assert login_headers({}) == {}
    assert login_headers({"RETOLD_TOKEN": "t"}) == {"Authorization": "Bearer t"}
    assert login_headers({"RETOLD_USERNAME": "ada", "RETOLD_PASSWORD": "s"}) == {"Authorization": "Basic YWRhOnM="}
    with pytest.raises(UsageFault, match="RETOLD_PASSWORD"):
        login_headers({"RETOLD_USERNAME": "ada"})
