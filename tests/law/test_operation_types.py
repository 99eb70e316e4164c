"""What names types of batch operations beside the types themselves."""

from __future__ import annotations

from engine.operations import OPERATIONS
from exporters.search.enums import BATCH_TYPES


def test_what_can_be_undone_is_undone_by_a_type_without_parameters_or_puts_back_what_its_items_replaced() -> None:
    for operation in OPERATIONS.values():
        keeps = operation.replaces is not None and operation.restore is not None
        assert keeps == (bool(operation.undone_by) and operation.undone_by == operation.name)
        assert not operation.undone_by or keeps or not OPERATIONS[operation.undone_by].parameters.__struct_fields__


def test_every_type_can_be_searched_for() -> None:
    missing = set(OPERATIONS) - set(BATCH_TYPES)
    assert not missing, f"expected {sorted(missing)} in exporters/search/enums.py, got none"
