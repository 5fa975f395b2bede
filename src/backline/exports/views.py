"""How an export is told: its own words, derived from its job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backline.assets.service import Assets
from backline.engines.video.progress import STORING
from backline.errors import NotFound
from backline.exports.repository import Export
from backline.exports.schemas import ExportItem, Phase, Status
from backline.jobs.job import Job, JobState
from backline.jobs.schemas import poll_after_ms

_STATUSES: dict[JobState, Status] = {
    JobState.QUEUED: "pending",
    JobState.RUNNING: "processing",
    JobState.SUCCEEDED: "complete",
    JobState.FAILED: "error",
    JobState.CANCELLED: "cancelled",
}

_MESSAGES: dict[Status, str] = {
    "pending": "Waiting to begin",
    "processing": "Beginning",
    "complete": "Export complete",
    "error": "Export failed",
    "cancelled": "Cancelled by user",
}


async def item_of(export: Export, job: Job, assets: Assets, now: datetime) -> ExportItem:
    result = job.result or {}
    status = _STATUSES[job.state]
    complete = job.state is JobState.SUCCEEDED  # the export may have been read later than its job
    return ExportItem(
        job_id=job.id,
        project_id=export.project.number,
        project_name=export.project.name,
        type=export.type,
        status=status,
        phase=phase_of(job),
        progress=percent(job),
        message=message_of(job),
        error=error_of(job),
        error_code=job.error_code,
        output_video_id=export.file_id if complete else None,
        output_filename=export.file_name if complete else None,
        output_url=await url_of(export, assets) if complete else None,
        encoder=result.get("encoder"),
        width=result.get("width"),
        height=result.get("height"),
        duration_seconds=result.get("seconds"),
        credits_consumed=result.get("credits_consumed"),
        created_at=export.created,
        started_at=job.started,
        completed_at=job.finished,
        acknowledged_at=export.acknowledged,
        poll_after_ms=None if job.terminal else poll_after_ms(job, now),
    )


async def socket_message(export: Export, job: Job, assets: Assets) -> dict[str, Any]:
    """How it stands, for who listens."""
    return {
        "progress": percent(job),
        "message": message_of(job),
        "status": _STATUSES[job.state],
        "phase": phase_of(job),
        "current": None,
        "total": None,
        "seconds_left": None,
        "done": job.terminal,
        "type": export.type,
        "projectId": export.project.number,
        "projectName": export.project.name,
        "error": error_of(job),
        "outputUrl": await url_of(export, assets) if job.state is JobState.SUCCEEDED else None,
    }


def phase_of(job: Job) -> Phase:
    match job.state:
        case JobState.QUEUED:
            return "init"
        case JobState.RUNNING:
            return "init" if job.message is None else "finalizing" if job.message == STORING else "processing"
        case JobState.SUCCEEDED:
            return "complete"
        case JobState.FAILED:
            return "error"
        case _:
            return "cancelled"


def message_of(job: Job) -> str:
    status = _STATUSES[job.state]
    return job.message or _MESSAGES[status] if status == "processing" else _MESSAGES[status]


def error_of(job: Job) -> str | None:
    """Never empty where something went wrong: clients show it."""
    if job.state is JobState.CANCELLED:
        return _MESSAGES["cancelled"]
    return (job.error_detail or _MESSAGES["error"]) if job.state is JobState.FAILED else None


def percent(job: Job) -> float:
    """100 only once the film is there to be fetched."""
    return 100.0 if job.state is JobState.SUCCEEDED else min(99.0, round(100 * job.progress, 1))


async def url_of(export: Export, assets: Assets) -> str | None:
    """None before there is one, and after its owner has removed it."""
    try:
        return None if export.file_id is None else assets.link(await assets.get(export.owner, export.file_id)).url
    except NotFound:
        return None
