"""`python -m tests.simulation.real`: run seeds on real processes; exit 1 and a report for each that fails."""

from __future__ import annotations

import argparse
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services import KafkaBroker, OpensearchNode
from tests.simulation.real.machines import ClusterPlace, EmbeddedPlace, Place
from tests.simulation.real.run import STRIKE_COUNT, Result, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every seed passes."""
    options = _parser().parse_args(arguments)
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    failed = []
    with _services(options) as addresses:
        for seed in seeds:
            with tempfile.TemporaryDirectory(prefix="workload-") as folder:
                result = run(seed, _place(addresses), Path(folder), options.strikes)
            tell(result)
            if result.report:
                failed.append(seed)
    if failed:
        sys.stdout.write(f"failed: {' '.join(map(str, failed))}\n")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.real", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how many seeds to run")
    parser.add_argument("--first", type=int, default=1, metavar="S", help="the first of them")
    parser.add_argument("--seed", type=int, metavar="S", help="run this seed alone")
    parser.add_argument("--strikes", type=int, default=STRIKE_COUNT, metavar="N", help="how often machines are struck")
    parser.add_argument("--kafka", default="", metavar="ADDRESS", help="of a broker; else one is started")
    parser.add_argument("--opensearch", default="", metavar="URL", help="of a node; else one is started")
    parser.add_argument("--embedded", action="store_true", help="one machine, the embedded log and SQLite")
    return parser


@contextmanager
def _services(options: argparse.Namespace) -> Iterator[tuple[str, str] | None]:
    """Addresses of a broker and a node; None without them."""
    if options.embedded:
        yield None
        return
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="workload-services-")))
        kafka = options.kafka or running.enter_context(KafkaBroker(folder / "kafka")).address
        opensearch = options.opensearch or running.enter_context(OpensearchNode(folder / "opensearch")).address
        yield kafka, opensearch


def _place(addresses: tuple[str, str] | None) -> Place:
    if addresses is None:
        return EmbeddedPlace()
    kafka, opensearch = addresses
    name = f"workload-{uuid.uuid4().hex[:8]}"
    return ClusterPlace(kafka=kafka, opensearch=opensearch, topic_prefix=name, index_prefix=name)


def tell(result: Result) -> None:
    """What a person wants to know of a run."""
    answers = ", ".join(f"{status}: {count}" for status, count in sorted(result.statuses.items()))
    what = result.report or "\n".join(result.diary)
    looked_away = f"; the model looked away from {', '.join(result.skipped)}" if result.skipped else ""
    done = (
        f"{result.steps} steps, {result.instances} instances, {result.batches} batch operations, {result.items} items"
    )
    verdict = "FAILED" if result.report else "passed"
    sys.stdout.write(
        f"{what}\nseed {result.seed}: {verdict}, {done}; answers {answers}, lost: {result.silent}{looked_away}\n\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
