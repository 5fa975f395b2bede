"""Tables: what was spoken, the texts themselves, and what callers keep for their speech."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, String, Table, Text

from backline.db.base import Json, Timestamp, metadata

speech_requests = Table(
    "speech_requests",
    metadata,
    Column("id", String(64), primary_key=True),  # ours, and sortable; a caller may use a request id twice
    Column("owner_id", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("engine", String(64), nullable=False),
    Column("model_version", String(100), nullable=False),
    Column("voice", String(64), nullable=False),
    Column("voice_name", String(100), nullable=False),
    Column("format", String(16), nullable=False),
    Column("sample_rate", Integer, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("characters", Integer, nullable=False),
    Column("created_at", Timestamp, nullable=False, index=True),
    Column("outcome", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("ttfb_ms", Double),
    Column("t_infer_ms", Double, nullable=False),
    Column("t_encode_ms", Double, nullable=False),
    Column("t_norm_ms", Double, nullable=False),
    Column("t_total_ms", Double),
    Column("audio_seconds", Double, nullable=False),
    Column("audio_bytes", BigInteger, nullable=False),
    Column("chunks_sent", Integer, nullable=False),
    Column("credits_consumed", String(32), nullable=False),
    Column("credits_remaining", String(32)),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("languages", Json, nullable=False),
    Index(None, "owner_id", "id"),
    Index(None, "owner_id", "request_id"),
)

speech_texts = Table(
    "speech_texts",
    metadata,
    Column("id", String(64), ForeignKey("speech_requests.id", ondelete="CASCADE"), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("text", Text, nullable=False),
    Column("copy_at", Timestamp, index=True),  # when to send the copy (next); null once it is there, or not wanted
    Index(None, "owner_id", "id"),
)

speech_forgotten = Table(
    "speech_forgotten",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("at", Timestamp, nullable=False),  # no text of a request that began before may be there, anywhere
    Column("copy_at", Timestamp, index=True),  # when to say so (next) where the copies are
)

speech_voices = Table(
    "speech_voices",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner_id", String(64), nullable=False),
    Column("name", String(100), nullable=False),
    Column("description", String(500), nullable=False),
    Column("voice", String(64), nullable=False),  # an engine's
    Column("language", String(64)),
    Column("speed", Double),
    Column("emotion", String(64)),
    Column("public", Boolean, nullable=False, index=True),
    Column("created_at", Timestamp, nullable=False),
    Column("updated_at", Timestamp, nullable=False),
    Column("deleted_at", Timestamp),  # the row stays: what was made with it names it
    Index(None, "owner_id", "id"),
)

speech_orders = Table(  # what a running job is to say: gone with its end, as jobs themselves are not
    "speech_orders",
    metadata,
    Column("job_id", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("owner_id", String(64), nullable=False, index=True),
    Column("title", String(200)),
    Column("text", Text, nullable=False),
    Column("lexicon", Json, nullable=False),
)

speech_lexicon = Table(
    "speech_lexicon",
    metadata,
    Column("owner_id", String(64), primary_key=True),
    Column("word", String(100), primary_key=True),
    Column("spoken", String(300), nullable=False),
)
