"""A long speech as a request like any other, in the list of those."""

from __future__ import annotations

from typing import Any

from backline.clock import utc_now
from backline.jobs.job import Data, Job
from backline.speech.long_work import Made
from backline.speech.records import Outcome, SpeechRecord

SPENT = ("t_infer_ms", "languages", "input_tokens", "output_tokens")
"""What a record gathers while the engine works; a checkpoint keeps it for the next attempt."""


def record_of(job: Job, outcome: Outcome, made: Made | None, consumed: str = "0", audio_bytes: int = 0) -> SpeechRecord:
    """Under the job's id. made: as far as it came; None where it never did. consumed: credits."""
    said: Data = job.input
    spent: dict[str, Any] = dict(made.spent) if made else {}
    return SpeechRecord(
        request_id=job.id,
        owner_id=job.owner,
        engine=said["engine"],
        model_version=said["model_version"],
        voice=said["voice_id"],
        voice_name=said["voice_name"],
        format=said["format"],
        sample_rate=said["sample_rate"],
        stream=False,
        characters=said["characters"],
        created_at=job.created,
        outcome=outcome,
        t_total_ms=round((utc_now() - job.created).total_seconds() * 1000, 3),
        audio_seconds=round(made.seconds, 6) if made else 0.0,
        audio_bytes=audio_bytes,
        credits_consumed=consumed,
        **{**spent, "languages": list(spent.get("languages", []))},
    )
