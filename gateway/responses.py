"""Responses built as bytes, past the framework's serialization."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from litestar.response.base import ASGIResponse

from exporters.search.store import SearchResult


def json_response(content: object, status: int = 200) -> ASGIResponse:
    """JSON of anything that msgspec encodes."""
    return ASGIResponse(body=msgspec.json.encode(content), status_code=status, media_type="application/json")


def text_response(text: str | bytes, media_type: str, status: int = 200) -> ASGIResponse:
    """Text in UTF-8."""
    return ASGIResponse(body=text, status_code=status, media_type=media_type)


def no_content() -> ASGIResponse:
    """204: done, nothing to tell."""
    return ASGIResponse(status_code=204)


def page_response(page: SearchResult) -> ASGIResponse:
    """The response of every search."""
    paging: Mapping[str, object] = {
        "totalItems": page.total,
        "hasMoreTotalItems": page.has_more_total,
        "startCursor": page.start_cursor,
        "endCursor": page.end_cursor,
    }
    return json_response({"items": page.items, "page": paging})
