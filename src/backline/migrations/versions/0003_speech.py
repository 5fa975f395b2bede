"""What was spoken, the texts themselves, and what callers keep for their speech."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from backline.db.base import Json, Timestamp

revision = "0003_speech"
down_revision = "0002_credits"


def upgrade() -> None:
    _requests()
    _texts()
    _of_accounts()


def _requests() -> None:
    op.create_table(
        "speech_requests",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("engine", sa.String(64), nullable=False),
        sa.Column("model_version", sa.String(100), nullable=False),
        sa.Column("voice", sa.String(64), nullable=False),
        sa.Column("voice_name", sa.String(100), nullable=False),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("sample_rate", sa.Integer, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("characters", sa.Integer, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("error_code", sa.String(64)),
        sa.Column("ttfb_ms", sa.Double),
        sa.Column("t_infer_ms", sa.Double, nullable=False),
        sa.Column("t_encode_ms", sa.Double, nullable=False),
        sa.Column("t_norm_ms", sa.Double, nullable=False),
        sa.Column("t_total_ms", sa.Double),
        sa.Column("audio_seconds", sa.Double, nullable=False),
        sa.Column("audio_bytes", sa.BigInteger, nullable=False),
        sa.Column("chunks_sent", sa.Integer, nullable=False),
        sa.Column("credits_consumed", sa.String(32), nullable=False),
        sa.Column("credits_remaining", sa.String(32)),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("languages", Json, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speech_requests")),
    )
    op.create_index(op.f("ix_speech_requests_created_at"), "speech_requests", ["created_at"])
    op.create_index(op.f("ix_speech_requests_owner_id_id"), "speech_requests", ["owner_id", "id"])
    op.create_index(op.f("ix_speech_requests_owner_id_request_id"), "speech_requests", ["owner_id", "request_id"])


def _texts() -> None:
    op.create_table(
        "speech_texts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("copy_at", Timestamp),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speech_texts")),
        sa.ForeignKeyConstraint(["id"], ["speech_requests.id"], name=op.f("fk_speech_texts_id"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_speech_texts_copy_at"), "speech_texts", ["copy_at"])
    op.create_index(op.f("ix_speech_texts_owner_id_id"), "speech_texts", ["owner_id", "id"])
    op.create_table(
        "speech_forgotten",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("at", Timestamp, nullable=False),
        sa.Column("copy_at", Timestamp),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_speech_forgotten")),
    )
    op.create_index(op.f("ix_speech_forgotten_copy_at"), "speech_forgotten", ["copy_at"])


def _of_accounts() -> None:
    op.create_table(
        "speech_voices",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("voice", sa.String(64), nullable=False),
        sa.Column("language", sa.String(64)),
        sa.Column("speed", sa.Double),
        sa.Column("emotion", sa.String(64)),
        sa.Column("public", sa.Boolean, nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("updated_at", Timestamp, nullable=False),
        sa.Column("deleted_at", Timestamp),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speech_voices")),
    )
    op.create_index(op.f("ix_speech_voices_owner_id_id"), "speech_voices", ["owner_id", "id"])
    op.create_index(op.f("ix_speech_voices_public"), "speech_voices", ["public"])
    op.create_table(
        "speech_lexicon",
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("word", sa.String(100), nullable=False),
        sa.Column("spoken", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "word", name=op.f("pk_speech_lexicon")),
    )
