"""What is measured of jobs. A label is a kind, a state or an outcome, never anything of a user."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from backline.jobs import repository
from backline.jobs.advance import Transition
from backline.jobs.job import TERMINAL, Job, JobState
from backline.jobs.queue import Jobs
from backline.observability.metrics import Metric, Metrics

ACTIVE = Metric("backline_jobs_active", "Jobs that are queued or running, on all machines.", ("kind", "state"))
OLDEST_QUEUED = Metric(
    "backline_jobs_oldest_queued_seconds", "How long the first in the queue has been due, on all machines.", ("kind",)
)
ATTEMPTS = Metric("backline_jobs_attempts", "Attempts whose end this process wrote, by how.", ("kind", "outcome"))
DURATION = Metric(
    "backline_jobs_duration_seconds",
    "From the order to the end that this process wrote.",
    ("kind", "outcome"),
    (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600),
)

_ENDS = frozenset({*TERMINAL, "retrying", "given_back", "lease_died"})
"""Events that end an attempt."""


class Changes:
    """Counts what became of attempts and jobs, once it is committed; for `Jobs`."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def __call__(self, job: Job, transition: Transition) -> None:
        if job.state is JobState.RUNNING and transition.event in _ENDS:
            self._metrics.count(ATTEMPTS, job.kind, transition.event)
        if transition.state in TERMINAL:
            seconds = (transition.values["finished"] - job.created).total_seconds()
            self._metrics.observe(DURATION, max(0.0, seconds), job.kind, transition.event)


class Census:
    """Counts what is queued and running whenever somebody asks for the figures."""

    def __init__(self, jobs: Jobs, metrics: Metrics) -> None:
        self._jobs = jobs
        self._metrics = metrics
        self._told: defaultdict[tuple[Metric, tuple[str, ...]], float] = defaultdict(float)

    async def look(self) -> None:
        """Raises Unavailable; the figures then stay as they were."""
        async with self._jobs.database.read() as tx:
            counts = await repository.counts(tx)
        now = self._jobs.clock()
        seen: dict[tuple[Metric, tuple[str, ...]], float] = {}
        for kind in self._jobs.kinds:
            seen |= {(ACTIVE, (kind, str(state))): 0.0 for state in (JobState.QUEUED, JobState.RUNNING)}
            seen[OLDEST_QUEUED, (kind,)] = 0.0
        for kind, state, count, due in counts:
            seen[ACTIVE, (kind, state)] = count
            if state == JobState.QUEUED:
                seen[OLDEST_QUEUED, (kind,)] = _age_seconds(due, now)
        for figure in {*self._told, *seen}:
            self._set(figure, seen.get(figure, 0.0))

    def _set(self, figure: tuple[Metric, tuple[str, ...]], value: float) -> None:
        metric, labels = figure
        self._metrics.gauge(metric, value - self._told[figure], *labels)
        self._told[figure] = value


def _age_seconds(due: datetime, now: datetime) -> float:
    return max(0.0, (now - due).total_seconds())
