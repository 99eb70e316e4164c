"""`users`: who may log in with a password."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from .accepted import send_accepted
from .faults import UsageFault
from .listing import print_found
from .options import Connection, Limit, expand
from .output import print_fields, print_json

COLUMNS = {"USER": "username", "NAME": "name", "E-MAIL": "email"}

Username = Annotated[str, typer.Argument(metavar="NAME", help="Name by which the user logs in.")]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="Name for people to read.")]
Email = Annotated[str | None, typer.Option(metavar="TEXT", help="E-mail address.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with the password, - for standard input. Without it you are asked."),
]


def list_users(*, limit: Limit = 20, connection: Connection) -> None:
    """List users, by name."""
    print_found(connection, "/users", {}, COLUMNS, sort=[("username", "ASC")], limit=limit)


def create(
    username: Username,
    *,
    password_file: PasswordFile = None,
    name: Name = None,
    email: Email = None,
    connection: Connection,
) -> None:
    """Create a user."""
    from .client import Client

    body = {"username": username, "password": _password(password_file), "name": name, "email": email}
    with Client(connection.url) as client:
        answer = client.post("/users", body)
    _show(connection, answer)


def update(
    username: Username,
    *,
    password: Annotated[bool, typer.Option("--password", help="Change the password, too.")] = False,
    password_file: PasswordFile = None,
    name: Name = None,
    email: Email = None,
    connection: Connection,
) -> None:
    """Change a user: what is not given stays as it is."""
    from .client import Client

    path = f"/users/{quote(username, safe='')}"
    with Client(connection.url) as client:
        known = client.get(path)
        body = {"name": known["name"] if name is None else name, "email": known["email"] if email is None else email}
        if password or password_file is not None:
            body["password"] = _password(password_file)
        answer = client.send("PUT", path, body)
    _show(connection, answer)


def delete(username: Username, *, connection: Connection) -> None:
    """Delete a user, with all that he is authorized to."""
    path = f"/users/{quote(username, safe='')}"
    send_accepted(connection, "DELETE", path, about={"username": username}, accepted="deletion")


def _password(file: Path | None) -> str:
    """Raises UsageFault."""
    if file is None:
        return _asked()
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "what is no text in UTF-8"
        raise UsageFault(
            f"--password-file: expected a file with a password {file}, got: {problem}; correct it"
        ) from None
    password = text.rstrip("\r\n")
    if not password:
        raise UsageFault(f"--password-file: expected a password in {file}, got none; write it")
    return password


def _asked() -> str:
    """Raises UsageFault without a terminal: a password would be read from standard input then, and be seen."""
    if not (_has_terminal() or sys.stdin.isatty()):
        text = "expected --password-file, because there is no terminal to ask for the password; got none"
        raise UsageFault(f"{text}, nothing was done")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _has_terminal() -> bool:
    """Whether there is one to ask at, whatever standard input is."""
    try:
        with Path("/dev/tty").open():
            return True
    except OSError:
        return False


def _show(connection: Connection, answer: dict[str, object]) -> None:
    if connection.json:
        print_json(answer)
    else:
        print_fields([(title, str(answer[field] or "")) for title, field in COLUMNS.items()])


def users_app() -> typer.Typer:
    """The group `users`."""
    app = typer.Typer(help="Who may log in with a password.", no_args_is_help=True)
    app.command("list")(expand(list_users))
    app.command("create")(expand(create))
    app.command("update")(expand(update))
    app.command("delete")(expand(delete))
    return app
