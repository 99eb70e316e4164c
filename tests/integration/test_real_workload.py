"""The workload of the simulation on real processes while they are struck, judged as in the simulation.

More seeds, and more strikes: `make simulate-real SEEDS=10`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.real.machines import ClusterPlace, EmbeddedPlace, Place
from tests.simulation.real.run import run


def expect_nothing_wrong(seed: int, place: Place, folder: Path, strike_count: int) -> None:
    result = run(seed, place, folder, strike_count)
    print("\n".join(result.diary))
    assert not result.report, result.report
    assert result.instances > 0


@pytest.mark.parametrize("seed", [9])
def test_machines_on_kafka_and_opensearch(
    seed: int, kafka: str, kafka_prefix: str, opensearch: str, index_prefix: str, tmp_path: Path
) -> None:
    """A partition and a machine are killed, machines are stopped in order, one sleeps, one is added."""
    place = ClusterPlace(kafka=kafka, opensearch=opensearch, topic_prefix=kafka_prefix, index_prefix=index_prefix)
    expect_nothing_wrong(seed, place, tmp_path, strike_count=3)


def test_one_machine_with_the_embedded_log(tmp_path: Path) -> None:
    """The machine sleeps, a partition is killed while it recovers, another process sleeps."""
    expect_nothing_wrong(14, EmbeddedPlace(), tmp_path, strike_count=3)
