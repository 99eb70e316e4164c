"""The second level of authorization: the creator's right to do this to this target, at the time of execution.

A hook that is called for every item from the first day, even while everything is allowed (design section 4).
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core.state import View

from .operation import Item, Operation

#: `authorize(actor, operation, item, view)` raises Reject FORBIDDEN, which makes the item FAILED. `actor` is the id of
#: who created the batch operation, empty when nobody was named.
Authorize = Callable[[str, Operation, Item, View], None]


def allow_all(_actor: str, _operation: Operation, _item: Item, _view: View) -> None:
    """Everybody may do everything."""
