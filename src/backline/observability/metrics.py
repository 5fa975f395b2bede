"""Figures about the running server, behind a port of three verbs.

A figure is declared once, as data; whoever measures calls the port with the declaration. Prometheus is one
implementation, `MetricsInMemory` another (tests read it); StatsD would be a third class here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics import MetricWrapperBase

F = TypeVar("F", bound=MetricWrapperBase)


@dataclass(frozen=True, slots=True)
class Metric:
    """name: snake_case with its unit; labels: their names, in the order values are given; buckets: upper bounds."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


class Metrics(Protocol):
    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Add to something that only grows."""
        ...

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Record one value of a distribution."""
        ...

    def gauge(self, metric: Metric, change: float, *labels: str) -> None:
        """Move something that rises and falls."""
        ...


class PrometheusMetrics:
    """Keeps the figures in a registry of its own, so that two servers in one process do not share them."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = _Children[Counter](lambda m: Counter(m.name, m.help, m.labels, registry=self._registry))
        self._gauges = _Children[Gauge](lambda m: Gauge(m.name, m.help, m.labels, registry=self._registry))
        self._histograms = _Children[Histogram](self._new_histogram)

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        self._counters.get(metric, labels).inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self._histograms.get(metric, labels).observe(value)

    def gauge(self, metric: Metric, change: float, *labels: str) -> None:
        self._gauges.get(metric, labels).inc(change)

    def render(self) -> bytes:
        """The text that a Prometheus server scrapes."""
        return generate_latest(self._registry)

    def _new_histogram(self, metric: Metric) -> Histogram:
        buckets = metric.buckets or Histogram.DEFAULT_BUCKETS
        return Histogram(metric.name, metric.help, metric.labels, registry=self._registry, buckets=buckets)


class _Children(Generic[F]):
    """One family of figures a metric, one child a set of label values, each made on first use."""

    def __init__(self, new_family: Callable[[Metric], F]) -> None:
        self._new_family = new_family
        self._families: dict[Metric, F] = {}
        self._children: dict[tuple[Metric, tuple[str, ...]], F] = {}

    def get(self, metric: Metric, labels: tuple[str, ...]) -> F:
        child = self._children.get((metric, labels))
        if child is None:
            family = self._families.get(metric)
            if family is None:
                family = self._families[metric] = self._new_family(metric)
            child = self._children[metric, labels] = family.labels(*labels) if labels else family
        return child


class MetricsInMemory:
    """Counts and values in dictionaries, keyed by (name, labels)."""

    content_type = "text/plain; charset=utf-8"

    def __init__(self) -> None:
        self.totals: dict[tuple[str, tuple[str, ...]], float] = defaultdict(float)
        self.values: dict[tuple[str, tuple[str, ...]], list[float]] = defaultdict(list)

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        self.totals[metric.name, labels] += by

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        self.values[metric.name, labels].append(value)

    def gauge(self, metric: Metric, change: float, *labels: str) -> None:
        self.totals[metric.name, labels] += change
