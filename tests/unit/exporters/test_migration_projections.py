"""Both projections show the same of instances that migrated; what that is, `tests/conformance` says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from exporters.sqlite import SqliteExporter
from tests.support.migrated import Migrated
from tests.support.projections import assert_same, expected_documents, export_records, stored_documents
from tests.unit.exporters.test_opensearch_projection import PREFIX, Bench


@pytest.mark.parametrize("page_size", [1, 1_000_000])
def test_documents_are_the_rows_of_sqlite(tmp_path: Path, page_size: int) -> None:
    told = Migrated()

    async def run() -> None:
        bench = Bench()
        rows, exporter = SqliteExporter(tmp_path), await bench.open()
        await rows.open()
        await export_records(rows, told.scenario.records(), page_size)
        await export_records(exporter, told.scenario.records(), page_size)
        await rows.close()
        assert_same(await stored_documents(bench.node, PREFIX), expected_documents(tmp_path))
        of = {str(one["process_instance_key"]): one["definition_key"] for one in await bench.documents("variable")}
        assert of == {str(told.instance): [told.source, told.target], str(told.other): [told.source]}

    asyncio.run(run())
