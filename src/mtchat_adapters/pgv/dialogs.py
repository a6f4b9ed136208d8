"""Dialogs in PostgreSQL: inside a transaction, and as the host looks them up."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mtchat_adapters.pgv import rows
from mtchat_adapters.pgv.failures import repeatable
from mtchat_adapters.pgv.tables import access_scopes, dialogs
from mtchat_core.domain.dialogs import Dialog, ObjectRef
from mtchat_core.domain.ids import DialogId, ScopeId, UserId
from mtchat_core.domain.scopes import AccessScope
from mtchat_core.ports.dialogs import Details, KeptScope, Place

_LOCK = sa.select(dialogs).where(dialogs.c.id == sa.bindparam("dialog")).with_for_update()
_SCOPES = (
    sa.select(access_scopes)
    .where(access_scopes.c.dialog_id == sa.bindparam("dialog"))
    .order_by(access_scopes.c.position)
)


@frozen
class PostgresDialogs:
    """Dialogs of one transaction; `event_seqs` remembers the last event of each that is locked."""

    connection: AsyncConnection
    event_seqs: dict[DialogId, int]

    async def lock(self, dialog: DialogId) -> Dialog | None:
        """Return the dialog and hold its row."""
        row = (await self.connection.execute(_LOCK, {"dialog": dialog})).one_or_none()
        if row is None:
            return None
        self.event_seqs[dialog] = row.event_seq
        return rows.dialog(row)

    async def add(self, dialog: Dialog) -> None:
        """Keep a new dialog, locked."""
        values = {
            "id": dialog.id,
            "object_type": dialog.object.type,
            "object_id": dialog.object.id,
            "title": dialog.about.title,
            "object_url": dialog.about.object_url,
            "meta": dialog.about.meta,
            "created_by": dialog.created_by,
            "created_at": dialog.created_at,
            "active_at": dialog.created_at,
            "last_seq": 0,
            "event_seq": 0,
            "user_messages": 0,
            "system_messages": 0,
        }
        await self.connection.execute(sa.insert(dialogs).values(values))
        self.event_seqs[dialog.id] = 0

    async def describe(self, dialog: Dialog) -> None:
        """Keep what the dialog is about."""
        about = dialog.about
        changed = {"title": about.title, "object_url": about.object_url, "meta": about.meta}
        await self.connection.execute(sa.update(dialogs).where(dialogs.c.id == dialog.id).values(changed))

    async def delete(self, dialog: DialogId) -> None:
        """Delete the dialog and everything below it."""
        await self.connection.execute(sa.delete(dialogs).where(dialogs.c.id == dialog))

    async def scopes(self, dialog: DialogId) -> tuple[AccessScope, ...]:
        """Return the access scopes."""
        return tuple(map(rows.access_scope, await self.connection.execute(_SCOPES, {"dialog": dialog})))

    async def set_scopes(self, dialog: DialogId, scopes: Sequence[KeptScope]) -> None:
        """Replace the access scopes."""
        await self.connection.execute(sa.delete(access_scopes).where(access_scopes.c.dialog_id == dialog))
        if not scopes:
            return
        values = [
            {
                "dialog_id": dialog,
                "position": position,
                "id": kept.id,
                "scope_level0": sorted(kept.scope.levels[0]),
                "scope_level1": sorted(kept.scope.levels[1]),
                "scope_level2": sorted(kept.scope.levels[2]),
                "tenant_uid": kept.scope.tenant_uid,
                "created_at": kept.created_at,
            }
            for position, kept in enumerate(scopes)
        ]
        await self.connection.execute(sa.insert(access_scopes).values(values))


_DETAILS = sa.text("""
    select d.*,
      (select coalesce(jsonb_agg(p order by p.joined_at, p.user_id), '[]')
       from participants p where p.dialog_id = d.id) as people,
      (select coalesce(jsonb_agg(s order by s.position), '[]')
       from access_scopes s where s.dialog_id = d.id) as scopes
    from dialogs d where d.id = :dialog
""").columns(meta=sa.JSON, people=sa.JSON, scopes=sa.JSON)

# Two lists of scopes say the same when they are as long and each entry is found in the other.
_FIND = sa.text("""
    with wanted as (
      select distinct l0, l1, l2
      from jsonb_to_recordset(cast(:scopes as jsonb)) as w (l0 text[], l1 text[], l2 text[])
    )
    select d.* from dialogs d
    where d.object_type = :type and d.object_id = :id
      and (select count(*) from access_scopes s where s.dialog_id = d.id) = :count
      and not exists (
        select from access_scopes s where s.dialog_id = d.id and not exists (
          select from wanted w where (w.l0, w.l1, w.l2) = (s.scope_level0, s.scope_level1, s.scope_level2)))
      and not exists (
        select from wanted w where not exists (
          select from access_scopes s where s.dialog_id = d.id
            and (w.l0, w.l1, w.l2) = (s.scope_level0, s.scope_level1, s.scope_level2)))
    order by d.created_at desc, d.id desc
    limit 1
""").columns(meta=sa.JSON)

_ACCESS = sa.text("""
    select exists (select from participants p where p.dialog_id = d.id and p.user_id = :user) as is_participant,
      (select coalesce(jsonb_agg(s order by s.position), '[]')
       from access_scopes s where s.dialog_id = d.id) as scopes
    from dialogs d where d.id = :dialog
""").columns(scopes=sa.JSON)


@frozen
class PostgresDirectory:
    """Directory: one statement each."""

    reads: AsyncEngine

    async def details(self, dialog: DialogId) -> Details | None:
        """Return one dialog with its people and scopes."""
        row = await self._one(_DETAILS, {"dialog": dialog})
        if row is None:
            return None
        return Details(
            dialog=rows.dialog(row),
            participants=tuple(rows.participant(rows.from_json(person)) for person in row.people),
            scopes=tuple(_kept(rows.from_json(scope)) for scope in row.scopes),
        )

    async def find(self, about: ObjectRef, scopes: Sequence[AccessScope]) -> Dialog | None:
        """Return the object's newest dialog with the same scopes."""
        wanted = [dict(zip(("l0", "l1", "l2"), map(sorted, scope.levels), strict=True)) for scope in scopes]
        values = {"type": about.type, "id": about.id, "scopes": json.dumps(wanted), "count": len(wanted)}
        row = await self._one(_FIND, values)
        return rows.dialog(row) if row else None

    async def page(
        self, *, object_type: str | None, object_id: str | None, limit: int, after: Place | None
    ) -> tuple[Dialog, ...]:
        """Return dialogs, newest first."""
        newest_first = (dialogs.c.created_at.desc(), dialogs.c.id.desc())
        query = sa.select(dialogs).order_by(*newest_first).limit(limit)
        if object_type is not None:
            query = query.where(dialogs.c.object_type == object_type)
        if object_id is not None:
            query = query.where(dialogs.c.object_id == object_id)
        if after is not None:
            query = query.where(
                sa.tuple_(dialogs.c.created_at, dialogs.c.id)
                < sa.tuple_(sa.literal(after.created_at, dialogs.c.created_at.type), sa.literal(after.id))
            )

        async def read() -> tuple[Dialog, ...]:
            async with self.reads.connect() as connection:
                return tuple(map(rows.dialog, await connection.execute(query)))

        return await repeatable(read)

    async def access(self, dialog: DialogId, user: UserId) -> tuple[bool, tuple[AccessScope, ...]] | None:
        """Return whether *user* takes part, and the scopes."""
        row = await self._one(_ACCESS, {"dialog": dialog, "user": user})
        if row is None:
            return None
        return row.is_participant, tuple(rows.access_scope(rows.from_json(scope)) for scope in row.scopes)

    async def _one(self, statement: sa.Executable, values: dict[str, Any]) -> rows.Row | None:
        async def read() -> rows.Row | None:
            async with self.reads.connect() as connection:
                return (await connection.execute(statement, values)).one_or_none()

        return await repeatable(read)


def _kept(row: rows.Row) -> KeptScope:
    return KeptScope(ScopeId(row.id), rows.access_scope(row), row.created_at)
