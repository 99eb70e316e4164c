"""What the client says when OpenSearch and it do not come together: each names the setting, none shows a secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from engine.core.faults import RetoldError, Unavailable
from exporters.opensearch.client import OpensearchClient, OpensearchConnection
from tests.support.certificates import Authority
from tests.support.guarding_proxy import GuardingProxy
from tests.support.http_server import HttpServer, QuietHandler

PASSWORD, WRONG = "a password that nobody may see", "another that nobody may see"


class Node(QuietHandler):
    """Answers whatever it is asked."""

    def do_GET(self) -> None:  # noqa: N802 - name of the base class
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def proxy(authority: Authority) -> Iterator[GuardingProxy]:
    certificate = authority.issue("127.0.0.1", name="node")
    with HttpServer(Node) as node, GuardingProxy(node.url, certificate, {"retold": PASSWORD}) as running:
        yield running


@pytest.fixture
def right(authority: Authority, proxy: GuardingProxy) -> OpensearchConnection:
    return OpensearchConnection(urls=(proxy.url,), username="retold", password=PASSWORD, ca_file=authority.file)


async def ask(connection: OpensearchConnection) -> bytes:
    client = OpensearchClient(connection)
    try:
        return await client.request("GET", "/index/_doc/1")
    finally:
        await client.close()


def test_tls_and_a_login(right: OpensearchConnection) -> None:
    assert asyncio.run(ask(right)) == b"{}"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"password": WRONG}, "OpenSearch answers 401: Unauthorized; check opensearch.username, opensearch.password"),
        ({"username": "", "password": ""}, "OpenSearch answers 401: Unauthorized; check opensearch.username"),
        ({"ca_file": None}, "by an authority that the system trusts, got: unable to get .*; set opensearch.caFile"),
    ],
)
def test_what_may_be_put_right_there(right: OpensearchConnection, others: dict[str, object], expected: str) -> None:
    with pytest.raises(Unavailable, match=expected) as told:
        asyncio.run(ask(structs.replace(right, **others)))
    assert PASSWORD not in told.value.message
    assert WRONG not in told.value.message


def test_a_right_that_is_missing(right: OpensearchConnection, proxy: GuardingProxy) -> None:
    proxy.permits = lambda *_: False
    expected = r"answers 403 security_exception: no permissions for \[GET /index/_doc/1\]; check opensearch.username"
    with pytest.raises(Unavailable, match=expected):
        asyncio.run(ask(right))


def test_another_authority_and_another_host(right: OpensearchConnection, proxy: GuardingProxy, tmp_path: Path) -> None:
    foreign = Authority(tmp_path, "foreign").file
    with pytest.raises(Unavailable, match=r"by the authority in .*foreign.pem, got: unable to get .*opensearch.caFile"):
        asyncio.run(ask(structs.replace(right, ca_file=foreign)))
    elsewhere = proxy.url.replace("127.0.0.1", "localhost")
    with pytest.raises(Unavailable, match=r"got: Hostname mismatch.*, or name the host as its certificate does"):
        asyncio.run(ask(structs.replace(right, urls=(elsewhere,))))


def test_tls_where_none_is_expected_and_none_where_it_is(right: OpensearchConnection, proxy: GuardingProxy) -> None:
    with HttpServer(Node) as plain:
        for url in (proxy.url.replace("https:", "http:"), plain.url.replace("http:", "https:")):
            with pytest.raises(Unavailable, match=r"is the node running, and opensearch.url right"):
                asyncio.run(ask(structs.replace(right, urls=(url,))))


def test_a_file_that_is_none(right: OpensearchConnection, tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("nothing")
    for file in (garbage, tmp_path / "missing.pem"):
        with pytest.raises(RetoldError, match=r"opensearch.caFile: expected a PEM file with certificates at"):
            asyncio.run(ask(structs.replace(right, ca_file=file)))
