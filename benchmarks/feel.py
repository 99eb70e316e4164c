"""What an expression costs: evaluations a second of common ones, compiling, and the longest that one may take.

Run `python -m benchmarks.feel`. Times are those of the processor, the best of several rounds, because the rest of the
machine only ever makes it slower. "Until the limit" are expressions that would run for hours: how long it takes until
one is stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.markup import escape

from engine.bpmn.feel import EvaluationFailure, Value, compile_expression

from .table import print_table

ROUNDS = 9
COUNT = 20_000


class Variables(dict[str, Value]):
    """Variables with a time."""

    now = 1_774_778_400_000


VARIABLES = Variables(
    amount=150,
    price=19.99,
    status="open",
    order={"id": "o-1", "items": [{"sku": f"s-{number}", "price": number / 4} for number in range(10)]},
    due="2026-03-31T10:00:00+02:00",
)
COMMON = (
    'amount > 100 and status = "open"',
    "price * 1.19 > 20",
    "order.items[price > 1].sku",
    "sum(for item in order.items return item.price * 2)",
    'date and time(due) - now() < duration("P3D")',
    "{id: order.id, total: sum(order.items.price), at: string(now())}",
)

LARGE = Variables(
    numbers=[number + 0.5 for number in range(50_000)],
    rows=[{"a": number, "b": str(number)} for number in range(30_000)],
    text="x" * 4_000_000,
)
TWICE = "for x in 1..1000, y in 1..1000 return "
ENDLESS = (
    f"{TWICE}x * y",
    f"{TWICE}x * 0.1 + y / 3",
    f"{TWICE}1.0000001 ** 1e30",
    f"{TWICE}sqrt(x)",
    f'{TWICE}date and time("2026-01-31T10:00:00@Europe/Berlin")',
    f'{TWICE}@"2026-01-31T10:00:00@Europe/Berlin" + @"P1M"',
    f'{TWICE}string(@"2026-01-31T10:00:00@Europe/Berlin")',
    f"{TWICE}overlaps([1..x], [y..5])",
    f"{TWICE}x in (1, 2, 3, [4..5])",
    f"{TWICE}nobody + 1",
    "for x in 1..1000 return rows[a > x]",
    "for x in 1..1000 return sort(numbers, function(a, b) a > b)",
    "for x in 1..1000 return stddev(numbers)",
    "for x in 1..1000 return list contains(numbers, -1)",
    "for x in 1..1000 return distinct values(rows)",
    "for x in 1..1000 return rows = rows",
    "for x in 1..1000 return string length(string(numbers))",
    "for x in 1..1000 return from json(to json(rows))",
    'replace(text, "x", "yy")',
    'matches(text, "(x|y)*c")',
    "for i in 1..60 return if i = 1 then [] else [partial[-1], partial[-1]]",
)


def best(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of processor time of the fastest round."""
    durations = []
    for _ in range(rounds):
        start = time.process_time()
        run()
        durations.append(time.process_time() - start)
    return min(durations)


def evaluations_per_second(text: str) -> float:
    evaluate = compile_expression(text).evaluate

    def run() -> None:
        for _ in range(COUNT):
            evaluate(VARIABLES)

    return COUNT / best(run)


def seconds_until_the_limit(text: str) -> float:
    expression = compile_expression(text)

    def run() -> None:
        try:
            expression.evaluate(LARGE)
        except EvaluationFailure:
            return
        raise AssertionError(f"expected {text} to exceed a limit, got a result; make it longer")

    return best(run, rounds=2)


def main() -> None:
    print_table("evaluations a second", [(escape(text), f"{evaluations_per_second(text):,.0f}") for text in COMMON])
    per_compilation = best(lambda: [compile_expression(COMMON[0]) for _ in range(200)]) / 200
    longest = "x + 1 and " * 3_200 + "x"
    rows = [
        (COMMON[0], f"{per_compilation * 1e6:,.0f} µs"),
        (
            f"an expression of {len(longest):,} characters",
            f"{best(lambda: compile_expression(longest), 3) * 1e3:,.0f} ms",
        ),
    ]
    print_table("compiling", rows)
    print_table("until the limit", [(escape(text), f"{seconds_until_the_limit(text):.2f} s") for text in ENDLESS])


if __name__ == "__main__":
    main()
