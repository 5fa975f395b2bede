"""The port of three verbs, by each of its implementations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backline.observability.metrics import Metric, Metrics, MetricsInMemory, PrometheusMetrics

COUNTED = Metric("things", "Things that happened.", ("kind",))
OBSERVED = Metric("waiting_seconds", "How long it took.", ("kind",), (0.1, 1.0))
MOVED = Metric("running", "What runs now.")
PLAIN = Metric("plain_seconds", "Without buckets of its own.")

Read = Callable[[Metrics, Metric, tuple[str, ...]], float]


def _in_memory(metrics: Metrics, metric: Metric, labels: tuple[str, ...]) -> float:
    assert isinstance(metrics, MetricsInMemory)
    key = (metric.name, labels)
    return sum(metrics.values[key]) if key in metrics.values else metrics.totals[key]


def _in_prometheus(metrics: Metrics, metric: Metric, labels: tuple[str, ...]) -> float:
    assert isinstance(metrics, PrometheusMetrics)
    wanted = dict(zip(metric.labels, labels, strict=True))
    for name in (metric.name, f"{metric.name}_total", f"{metric.name}_sum"):
        if (value := samples(metrics).get((name, tuple(sorted(wanted.items()))))) is not None:
            return value
    return 0.0


def samples(metrics: PrometheusMetrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


@pytest.mark.parametrize(("make", "read"), [(MetricsInMemory, _in_memory), (PrometheusMetrics, _in_prometheus)])
def test_counts_grow_gauges_move_and_values_add_up(make: Callable[[], Metrics], read: Read) -> None:
    metrics = make()
    metrics.count(COUNTED, "a")
    metrics.count(COUNTED, "a", by=2.5)
    metrics.count(COUNTED, "b")
    metrics.gauge(MOVED, 3)
    metrics.gauge(MOVED, -1)
    metrics.observe(OBSERVED, 0.25, "a")
    metrics.observe(OBSERVED, 0.5, "a")
    assert read(metrics, COUNTED, ("a",)) == 3.5
    assert read(metrics, COUNTED, ("b",)) == 1
    assert read(metrics, MOVED, ()) == 2
    assert read(metrics, OBSERVED, ("a",)) == 0.75
    assert read(metrics, OBSERVED, ("never",)) == 0


def test_values_fall_into_their_buckets() -> None:
    metrics = PrometheusMetrics()
    for seconds in (0.05, 0.5, 0.6, 5):
        metrics.observe(OBSERVED, seconds, "a")
        metrics.observe(PLAIN, seconds)
    found = samples(metrics)
    counts = {dict(labels)["le"]: value for (name, labels), value in found.items() if name == "waiting_seconds_bucket"}
    assert counts == {"0.1": 1, "1.0": 3, "+Inf": 4}
    assert found["plain_seconds_count", ()] == 4


def test_two_servers_in_one_process_do_not_share_their_figures() -> None:
    first, second = PrometheusMetrics(), PrometheusMetrics()
    first.count(COUNTED, "a")
    assert second.render() == b""
    second.count(COUNTED, "a", by=5)
    assert _in_prometheus(first, COUNTED, ("a",)) == 1


def test_help_and_type_are_told() -> None:
    metrics = PrometheusMetrics()
    metrics.count(COUNTED, "a")
    (family, *_) = text_string_to_metric_families(metrics.render().decode())
    assert (family.documentation, family.type) == ("Things that happened.", "counter")
    assert "text/plain" in metrics.content_type
