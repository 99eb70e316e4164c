"""Searches over the indices of `exporters/opensearch/mappings.py`, with the answers of the embedded store.

`queries` writes the language of the node, `places` says where the rows of an entity are, `conditions` and `pages` make
requests of filters, orders and cursors, `rows` makes documents of the answers; `made` and `statistics` are rows that no
index holds.
"""

from __future__ import annotations

from .search import OpensearchSearch

__all__ = ["OpensearchSearch"]
