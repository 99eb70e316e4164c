"""Searches over secondary storage: what may be asked, what is answered, and how that becomes a query.

`fields` and `entities` say what there is, `filters` and `requests` read what a client sends, `sqlite` makes SQL of it,
`documents` the answer. Rule: what is unknown is refused by name, never ignored.
"""

from __future__ import annotations

from .filters import check_filter
from .store import SearchResult, SearchStore

__all__ = ["SearchResult", "SearchStore", "check_filter"]
