"""Where names are found while an expression runs: layers above the caller's variables."""

from __future__ import annotations

from engine.bpmn.feel.values import Data, Scope


class Local:
    """Names bound by the expression itself, above those around it. A name bound to null hides the one below."""

    __slots__ = ("around", "names")

    def __init__(self, names: dict[str, Data], around: Scope) -> None:
        self.names = names
        self.around = around

    def get(self, name: str, /) -> Data:
        """The value of a name; null if it is bound nowhere."""
        names = self.names
        return names[name] if name in names else self.around.get(name)


def item_scope(item: Data, around: Scope) -> Local:
    """The scope of a filter's condition: `item`, and the fields of a context by their names."""
    if isinstance(item, dict):
        return Local(item if "item" in item else {"item": item, **item}, around)
    return Local({"item": item}, around)
