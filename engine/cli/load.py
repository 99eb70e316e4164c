"""Many requests at once: a few connections, each kept busy until nothing is left to send."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator

import httpx
import msgspec
from msgspec import Struct

from .client import TIMEOUT_SECONDS, Document, base_url, no_connection, read_answer
from .faults import CommandFailed, Refused
from .login import login_headers

#: Requests under way at the same time.
IN_FLIGHT = 64

#: A request that is refused because too many are under way (503) was not carried out: it is sent again after a pause.
BUSY = 503
BUSY_ATTEMPTS_MAX = 20

#: Answers of a gateway, or of a proxy before it, that does not know what became of the request.
UNKNOWN = (500, 502, 504)


#: Hears how many answers there are so far, and the last of them.
Answered = Callable[[int, Document], None]


class Call(Struct, frozen=True):
    """One request: its path is below /v2."""

    method: str
    path: str
    body: Document


def _ignore(_done: int, _answer: Document) -> None:
    pass


class Sent(Struct, frozen=True, kw_only=True):
    """Answers in the order of the calls. `fault`: why not all were sent; `unknown`: calls that got no answer.

    What became of those only the engine knows.
    """

    answers: list[Document]
    fault: CommandFailed | None = None
    unknown: int = 0


def send(url: str, calls: Iterable[Call], *, in_flight: int = IN_FLIGHT, answered: Answered = _ignore) -> Sent:
    """Send all calls until one is refused or gets no answer; those under way are awaited.

    `answered` hears of each answer when it comes.
    """
    return asyncio.run(_Sending(base_url(url), calls, answered).run(in_flight))


def send_all(
    url: str, calls: Iterable[Call], *, in_flight: int = IN_FLIGHT, answered: Answered = _ignore
) -> list[Document]:
    """As `send`; gives the answers. Raises NoConnection, or Refused of the first call that is refused."""
    sent = send(url, calls, in_flight=in_flight, answered=answered)
    if sent.fault is not None:
        raise sent.fault
    return sent.answers


class _Sending:
    def __init__(self, url: str, calls: Iterable[Call], answered: Answered) -> None:
        self._url = url
        self._calls: Iterator[tuple[int, Call]] = enumerate(calls)
        self._answered = answered
        self._headers = {"Content-Type": "application/json", **login_headers()}
        self._answers: dict[int, Document] = {}
        self._fault: CommandFailed | None = None
        self._unknown = 0

    async def run(self, in_flight: int) -> Sent:
        security = ssl.create_default_context()
        await asyncio.gather(*(self._work(security) for _ in range(in_flight)))
        answers = [self._answers[number] for number in sorted(self._answers)]
        return Sent(answers=answers, fault=self._fault, unknown=self._unknown)

    async def _work(self, security: ssl.SSLContext) -> None:
        # A connection of its own: a shared pool looks through all its connections at every request. And a transport
        # alone: a client's cookies, redirects and authentication would cost as much again.
        async with httpx.AsyncHTTPTransport(verify=security, limits=httpx.Limits(max_connections=1)) as transport:
            for number, call in self._calls:
                if self._fault is not None:
                    return
                try:
                    self._answers[number] = read_answer(await self._send(transport, call))
                except httpx.TransportError as error:
                    self._unknown += not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                    self._fault = self._fault or no_connection(self._url, error)
                except CommandFailed as error:
                    self._unknown += isinstance(error, Refused) and error.status in UNKNOWN
                    self._fault = self._fault or error
                else:
                    self._answered(len(self._answers), self._answers[number])

    async def _send(self, transport: httpx.AsyncHTTPTransport, call: Call) -> httpx.Response:
        content = msgspec.json.encode(call.body)
        timeout = httpx.Timeout(TIMEOUT_SECONDS).as_dict()
        for attempt in range(BUSY_ATTEMPTS_MAX):
            request = httpx.Request(
                call.method,
                self._url + call.path,
                content=content,
                headers=self._headers,
                extensions={"timeout": timeout},
            )
            response = await transport.handle_async_request(request)
            await response.aread()
            if response.status_code != BUSY or attempt == BUSY_ATTEMPTS_MAX - 1:
                break
            await asyncio.sleep(_pause_seconds(response))
        return response


def _pause_seconds(response: httpx.Response) -> float:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else 1.0
