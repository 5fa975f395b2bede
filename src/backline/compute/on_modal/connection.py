"""The way to Modal: credentials, and the deployed app's parts looked up by name and version."""

from __future__ import annotations

import modal
from modal.config import config


def has_credentials() -> bool:
    """Of the environment or of the SDK's own file; a container of Modal needs none."""
    return not modal.is_local() or bool(config.get("token_id") and config.get("token_secret"))
