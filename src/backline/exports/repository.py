"""The queries of exports. Each works in its caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, select, update

from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.exports.models import export_projects, exports
from backline.exports.schemas import ExportType
from backline.ids import id_of

Version = Literal["working", "final"]

_exports, _projects = exports.c, export_projects.c


@dataclass(frozen=True, slots=True)
class Project:
    """number: the client's own `project_id`."""

    id: str
    number: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Export:
    """What its job does not know. acknowledged: when the client said that its user has seen the end."""

    job_id: str
    owner: str
    project: Project
    type: ExportType
    created: datetime
    acknowledged: datetime | None = None
    file_id: str | None = None
    file_name: str | None = None


async def project_of(tx: Tx, owner: str, number: int, name: str | None, now: datetime) -> Project:
    """The project; made when it is named for the first time, and renamed when it has another name now."""
    new = {
        "id": id_of("project", owner, str(number)),
        "owner": owner,
        "number": number,
        "name": name,
        "working_versions": 0,
        "final_versions": 0,
        "created": now,
    }
    await insert_if_absent(tx, export_projects, new)
    mine = (_projects.owner == owner, _projects.number == number)
    if name is not None:
        await tx.execute(update(export_projects).where(*mine).values(name=name))
    row = (await tx.execute(select(_projects.id, _projects.number, _projects.name).where(*mine))).one()
    return Project(*row)


async def add_export(tx: Tx, export: Export) -> None:
    values = {**asdict(export), "project": export.project.id}
    await insert_if_absent(tx, exports, values)


async def list_exports(
    tx: Tx,
    owner: str,
    *,
    job_ids: Collection[str] | None = None,
    project: int | None = None,
    since: datetime | None = None,
    unacknowledged: bool = False,
    limit: int,
) -> list[Export]:
    """The newest first. None and False ask for all."""
    where: list[ColumnElement[bool]] = [_exports.owner == owner]
    if job_ids is not None:
        where.append(_exports.job_id.in_(job_ids))
    if project is not None:
        where.append(_projects.number == project)
    if since is not None:
        where.append(_exports.created >= since)
    if unacknowledged:
        where.append(_exports.acknowledged.is_(None))
    query = (
        select(
            _exports.job_id,
            _exports.owner,
            _exports.type,
            _exports.created,
            _exports.acknowledged,
            _exports.file_id,
            _exports.file_name,
            _projects.id.label("project_key"),
            _projects.number,
            _projects.name,
        )
        .join(export_projects, _projects.id == _exports.project)
        .where(*where)
        .order_by(_exports.job_id.desc())
        .limit(limit)
    )
    found = []
    for row in (await tx.execute(query)).mappings():
        rest = dict(row)
        whose = Project(rest.pop("project_key"), rest.pop("number"), rest.pop("name"))
        found.append(Export(project=whose, **rest))
    return found


async def next_version(tx: Tx, job_id: str, kind: Version) -> tuple[int, int]:
    """The project's own number, and that of its next version of this kind, which is taken: nobody else gets it."""
    counter = _projects.working_versions if kind == "working" else _projects.final_versions
    mine = select(_exports.project).where(_exports.job_id == job_id).scalar_subquery()
    statement = update(export_projects).where(_projects.id == mine).values({counter: counter + 1})
    number, version = (await tx.execute(statement.returning(_projects.number, counter))).one()
    return number, version


async def set_output(tx: Tx, job_id: str, file_id: str, file_name: str) -> None:
    await tx.execute(update(exports).where(_exports.job_id == job_id).values(file_id=file_id, file_name=file_name))


async def type_of(tx: Tx, job_id: str) -> ExportType | None:
    found: ExportType | None = (await tx.execute(select(_exports.type).where(_exports.job_id == job_id))).scalar()
    return found


async def acknowledge(tx: Tx, owner: str, job_ids: Collection[str], now: datetime) -> int:
    """How many were not before."""
    mine = (_exports.owner == owner, _exports.job_id.in_(job_ids), _exports.acknowledged.is_(None))
    statement = update(exports).where(*mine).values(acknowledged=now).returning(_exports.job_id)
    return len((await tx.execute(statement)).all())


async def delete_user_data(tx: Tx, user_id: str) -> None:
    """Projects, and with them their exports; jobs and files are their own packages' to delete."""
    await tx.execute(delete(export_projects).where(_projects.owner == user_id))
