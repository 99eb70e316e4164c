"""Reads the Prometheus text format strictly: whatever a scraper would refuse is an AssertionError."""

from __future__ import annotations

import re

Labels = frozenset[tuple[str, str]]

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


class Exposition:
    """What a page of metrics says: `kinds` by name, `values` by name and labels."""

    def __init__(self, text: str) -> None:
        self.kinds: dict[str, str] = {}
        self.values: dict[str, dict[Labels, float]] = {}
        assert text.endswith("\n")
        described: set[str] = set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split()[2]
                assert name not in described, f"{name} is described twice"
                described.add(name)
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                assert name in described
                assert kind in ("counter", "gauge", "histogram")
                self.kinds[name] = kind
            else:
                self._add(line)
        self._check_histograms()

    def get(self, name: str, **labels: str) -> float:
        """The one value with these labels, whatever others it has."""
        wanted = set(labels.items())
        found = [value for given, value in self.values.get(name, {}).items() if wanted <= given]
        assert len(found) == 1, f"expected one {name} with {labels}, got {len(found)}: {self.values.get(name)}"
        return found[0]

    def total(self, name: str, **labels: str) -> float:
        """The sum of all values with these labels."""
        wanted = set(labels.items())
        return sum(value for given, value in self.values.get(name, {}).items() if wanted <= given)

    def _add(self, line: str) -> None:
        match = _SAMPLE.fullmatch(line)
        assert match, f"expected a sample, got {line!r}"
        name, text, value = match.groups()
        labels = _LABEL.findall(text or "")
        assert "".join(found[0] for found in _LABEL.finditer(text or "")) == (text or ""), f"expected labels: {line!r}"
        assert len({label for label, _ in labels}) == len(labels), f"expected each label once: {line!r}"
        assert name in self.kinds or re.sub(r"_(bucket|sum|count)$", "", name) in self.kinds, f"{name} has no type"
        values = self.values.setdefault(name, {})
        assert frozenset(labels) not in values, f"expected each sample once, got {line!r} again"
        values[frozenset(labels)] = float(value)

    def _check_histograms(self) -> None:
        for name in (name for name, kind in self.kinds.items() if kind == "histogram"):
            series: dict[Labels, list[tuple[float, float]]] = {}
            for labels, value in self.values.get(f"{name}_bucket", {}).items():
                bound = float(dict(labels)["le"])
                rest = frozenset(pair for pair in labels if pair[0] != "le")
                series.setdefault(rest, []).append((bound, value))
            for labels, buckets in series.items():
                counts = [count for _, count in sorted(buckets)]
                assert counts == sorted(counts), f"{name}: buckets must be cumulative"
                assert max(buckets)[0] == float("inf")
                assert counts[-1] == self.values[f"{name}_count"][labels]
