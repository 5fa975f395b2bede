"""A user's API keys over HTTP. On an open loopback server they are those of the user `local`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from backline.accounts.caller import AccountOwner
from backline.accounts.key_repository import ApiKey
from backline.accounts.keys import Keys, NewKey
from backline.accounts.principal import LOCAL
from backline.accounts.schemas import KeyList, KeyOut, KeyWish, NewKeyOut, Rotation
from backline.accounts.service import Accounts
from backline.web.provide import provide

router = APIRouter(prefix="/keys", tags=["keys"])

Service = Annotated[Keys, Depends(provide(Keys))]


@router.get("")
async def list_keys(caller: AccountOwner, keys: Service) -> KeyList:
    """Those that are not revoked, the newest first."""
    return KeyList(keys=[_out(key) for key in await keys.list(caller.id)])


@router.post("", status_code=201)
async def create_key(
    body: KeyWish,
    caller: AccountOwner,
    response: Response,
    keys: Service,
    accounts: Annotated[Accounts, Depends(provide(Accounts))],
) -> NewKeyOut:
    """The key itself is in this answer and nowhere else."""
    if caller == LOCAL:
        await accounts.local_user()
    wanted = NewKey(
        name=body.name,
        scopes=sorted(caller.scopes - {"admin"}) if body.scopes is None else body.scopes,
        requests_per_minute=body.requests_per_minute,
        max_streams=body.max_streams,
        expires_at=body.expires_at,
    )
    return _shown_once(await keys.create(caller, wanted), response)


@router.get("/{key_id}")
async def get_key(key_id: str, caller: AccountOwner, keys: Service) -> KeyOut:
    return _out(await keys.get(caller.id, key_id))


@router.delete("/{key_id}")
async def revoke_key(key_id: str, caller: AccountOwner, keys: Service) -> KeyOut:
    """It stops working: on this server at once, on others within 30 s."""
    return _out(await keys.revoke(caller.id, key_id))


@router.post("/{key_id}/rotate", status_code=201)
async def rotate_key(
    key_id: str, caller: AccountOwner, response: Response, keys: Service, body: Rotation | None = None
) -> NewKeyOut:
    """A new key like it; the old one dies after `grace_seconds`."""
    grace_seconds = body.grace_seconds if body else 0.0
    return _shown_once(await keys.rotate(caller, key_id, grace_seconds), response)


def _out(key: ApiKey) -> KeyOut:
    return KeyOut.model_validate(_data(key))


def _shown_once(made: tuple[ApiKey, str], response: Response) -> NewKeyOut:
    response.headers["Cache-Control"] = "no-store"
    key, text = made
    return NewKeyOut.model_validate({**_data(key), "key": text})


def _data(key: ApiKey) -> dict[str, object]:
    return {name: value for name, value in asdict(key).items() if name != "user_id"}
