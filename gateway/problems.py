"""Problem details (RFC 9457): every error that leaves the gateway, and the one table from rejection codes to HTTP.

Rule: text says "expected X, got Y; do Z"; a stack trace goes to the log of the process, never to a client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec
from litestar import Response
from litestar.exceptions import HTTPException

from engine.core import faults
from engine.core.faults import RetoldError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1

#: Rejection code -> HTTP status (Camunda 8 REST API).
REJECTION_STATUSES: Mapping[str, int] = {
    faults.INVALID_ARGUMENT: 400,
    faults.EXCEEDED_LIMIT: 400,
    faults.UNAUTHORIZED: 401,
    faults.FORBIDDEN: 403,
    faults.NOT_FOUND: 404,
    faults.ALREADY_EXISTS: 409,
    faults.INVALID_STATE: 409,
    faults.PROCESSING_ERROR: 500,
    faults.UNREADABLE: 500,
    faults.RESOURCE_EXHAUSTED: 503,
}

logger = logging.getLogger("retold.gateway")

#: What the framework says when a client goes away while it sends: nobody is left to be told, and nothing is wrong here.
DISCONNECTED = "disconnected"


class Problem(Exception):
    """An error that a client sees. `problems` lists everything that is wrong, when there can be several things."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        title: str = "",
        problems: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title or HTTPStatus(status).phrase
        self.detail = detail
        self.problems = problems
        self.headers = headers or {}


class Exhausted(RetoldError):
    """The partition has as many requests in flight as it may have; try again later."""


class OutcomeUnknown(RetoldError):
    """No answer came in time: the command may still be carried out; look for its effect before sending it again."""


def bad_request(problems: Sequence[str]) -> Problem:
    """400 naming all problems of a request at once, each with what to do."""
    problems = [problem if ";" in problem else f"{problem}; correct it" for problem in problems]
    return Problem(400, "; ".join(problems), problems=problems)


def not_found(what: str, key: object, *, what_is_given: str = "key") -> Problem:
    """404 of something that secondary storage does not know (yet)."""
    detail = f"expected the {what_is_given} of {_with_article(what)}, got {key}, which is not known here"
    return Problem(404, f"{detail}; check it, or wait until it is searchable", title=faults.NOT_FOUND)


def forbidden(resource_type: str, permissions: Sequence[str]) -> faults.Reject:
    """403 of what the caller may not see, naming the permission."""
    wanted = f"expected permission {permissions[-1]} on {resource_type}"
    return faults.Reject(faults.FORBIDDEN, f"{wanted}, got none that allows this; have it authorized")


def lives_nowhere(what: str, key: object) -> Problem:
    """404 of something whose key names a partition that there is not."""
    detail = f"expected the key of {_with_article(what)}, got {key}, which no partition has; check it"
    return Problem(404, detail, title=faults.NOT_FOUND)


def _with_article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is to the client. Unforeseen exceptions are logged and told as 500."""
    match error:
        case Problem():
            return error
        case faults.Reject():
            status = REJECTION_STATUSES.get(error.code, 500)
            return Problem(status, error.reason, title=error.code, headers=_retry_headers(status))
        case Exhausted():
            return Problem(503, error.message, title=faults.RESOURCE_EXHAUSTED, headers=_retry_headers(503))
        case OutcomeUnknown():
            return Problem(504, error.message)
        case faults.BadRequest():
            return Problem(400, f"{error.message}; correct the request")
        case faults.Unavailable() | faults.LogFull():
            return Problem(503, error.message, headers=_retry_headers(503))
        case HTTPException():
            return _framework_problem(error)
    logger.error("unforeseen error", exc_info=error)
    return Problem(500, "expected to answer this request, got an unforeseen error; see the gateway's log")


def problem_response(error: Exception, path: str) -> Response[bytes]:
    """The response for an exception that a request to `path` raised."""
    problem = problem_of(error)
    content: dict[str, object] = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": path,
    }
    if problem.problems:
        content["problems"] = problem.problems
    return Response(
        msgspec.json.encode(content),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )


def _framework_problem(error: HTTPException) -> Problem:
    status = error.status_code
    details = {
        404: "expected the path of a resource, got an unknown one; see /openapi.json for all of them",
        405: "expected a method that this resource has, got another one; see the Allow header",
        413: "expected a smaller body, got one above the limit; split the request or raise gateway.bodySizeMax",
    }
    if status >= 500 and DISCONNECTED not in str(error.detail):
        logger.error("error in the web framework", exc_info=error)
    detail = details.get(status) or f"expected a well-formed request, got: {error.detail}; correct it"
    return Problem(status, detail, headers=error.headers or {})


def _retry_headers(status: int) -> Mapping[str, str]:
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
