"""The older way in: a film and its parameters in one multipart request."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from backline.assets.service import Assets
from backline.errors import BacklineError, Invalid
from backline.exports.schemas import ExportType
from backline.web.forms import read_form

_CHUNK_BYTES = 1 << 20
_MAX_FIELD_BYTES = 4_000_000
"""Ten thousand keyframes, each with all its digits."""

_KEYS: dict[ExportType, tuple[str, ...]] = {
    "framing": ("target_fps", "export_mode", "interpolation", "encoder", "target_width", "target_height"),
    "overlay": ("highlight_effect_type", "interpolation", "encoder"),
}
"""Fields that are passed on as they are."""

_JSON: dict[ExportType, dict[str, str]] = {
    "framing": {"keyframes_json": "keyframes", "segment_data_json": "segments"},
    "overlay": {"highlight_regions_json": "highlight_regions", "highlight_keyframes_json": "highlight_keyframes"},
}
"""Fields that are JSON, and what the configuration calls them."""

_OTHERS = ("project_id", "project_name", "include_audio")


class FilmForm:
    """What was sent: `fields`, and the film."""

    def __init__(self, kind: ExportType, form: FormData) -> None:
        film = form.get("video")
        if not isinstance(film, UploadFile):
            raise Invalid("The form needs the film, whole, as the file 'video'.", code="no_video")
        self.film = film
        self._kind = kind
        self.fields = {name: value for name, value in form.items() if isinstance(value, str)}
        unknown = set(self.fields) - {*_KEYS[kind], *_JSON[kind], *_OTHERS}
        if unknown:
            raise Invalid(f"The form has no field '{min(unknown)[:40]}'.", code="bad_form")

    @property
    def project(self) -> dict[str, Any]:
        return {name: self.fields[name] for name in ("project_id", "project_name") if name in self.fields}

    def config(self, input_key: str) -> dict[str, Any]:
        """As `POST /api/exports` takes it. Raises Invalid for what is no JSON."""
        config: dict[str, Any] = {"input_key": input_key}
        config |= {name: self.fields[name] for name in _KEYS[self._kind] if name in self.fields}
        for field, name in _JSON[self._kind].items():
            if self.fields.get(field):
                config[name] = _parsed(field, self.fields[field])
        if "include_audio" in self.fields:
            config["include_audio"] = self.fields["include_audio"]
        return config


async def read_film_form(request: Request, kind: ExportType, max_file_bytes: int) -> FilmForm:
    """Raises TooLarge, and Invalid for what is no such form."""
    form = await read_form(request, max_bytes=max_file_bytes + 2 * _MAX_FIELD_BYTES, max_field_bytes=_MAX_FIELD_BYTES)
    try:
        return FilmForm(kind, form)
    except BacklineError:
        await form.close()
        raise


async def keep_film(film: UploadFile, owner: str, assets: Assets) -> str:
    """The film as a file of its owner; its id. Raises what an upload raises."""
    size = film.size or 0
    upload = await assets.begin_upload(owner, _name(film), _type(film), size)
    try:
        await assets.append(owner, upload.id, 0, _read(film))
    except BaseException:
        await assets.abort(owner, upload.id)
        raise
    if not size:
        await assets.offset(owner, upload.id)  # there is nothing to wait for
    return upload.id


async def _read(film: UploadFile) -> AsyncGenerator[bytes, None]:
    while data := await film.read(_CHUNK_BYTES):
        yield data


def _type(film: UploadFile) -> str:
    told = film.content_type or ""
    return told if told.startswith("video/") else "video/mp4"


def _name(film: UploadFile) -> str:
    """A client's name for it, where it can be one."""
    name = "".join(one for one in (film.filename or "") if one.isprintable() and one not in "/\\")[-100:]
    return name if name.strip(". ") else "film.mp4"


def _parsed(field: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(f"{field} is no JSON.", code="bad_json") from None
