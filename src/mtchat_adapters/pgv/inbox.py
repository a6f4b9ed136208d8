"""Dialog lists in PostgreSQL: one statement each, whatever they show."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from attrs import frozen
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

from mtchat_adapters.pgv import rows
from mtchat_adapters.pgv.failures import repeatable
from mtchat_adapters.pgv.tables import dialogs, participants
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import Entry, Listing, People, Preview, Query, Seen, Standing, Summary
from mtchat_core.domain.messages import MessageType
from mtchat_core.domain.scopes import UserScope

# AccessScope.admits and any_admits, in SQL.
_ADMITTED = """
    select coalesce(bool_or(
        (s.scope_level0 = '{}' or s.scope_level0 && :level0)
        and (s.scope_level1 = '{}' or s.scope_level1 && :level1)
        and (s.scope_level2 = '{}' or s.scope_level2 && :level2)), false) and :has_scopes as admitted,
      count(*) > 0 as is_scoped
    from access_scopes s where s.dialog_id = d.id
"""
_FOUND = """(cast(:pattern as text) is null or d.title ilike :pattern
    or exists (select from participants c where c.dialog_id = d.id and c.company ilike :pattern))"""
# hides_from_lists: scopes narrow the lists of participants too, where both sides have any.
_LISTED = f"""(me.user_id = :reader and (not :has_scopes or not access.is_scoped or access.admitted)
    and (cast(:archived as boolean) is null or me.is_archived = :archived) and {_FOUND})"""
_OPEN = f"(me.user_id is null and access.admitted and {_FOUND})"
_AFTER = """(cast(:after_id as uuid) is null or (coalesce(me.is_pinned, false), d.active_at, d.id)
    < (cast(:after_pinned as boolean), cast(:after_active as timestamptz), cast(:after_id as uuid)))"""
_BY_ACTIVITY = "is_pinned desc, active_at desc, id desc"
_BY_CREATION = "created_at desc, id desc"


def _entries(where: str, order: str) -> sa.TextualSelect:
    """Return the statement for entries: find the page first, then join what it shows."""
    return (
        sa.text(f"""
        with page as materialized (
          select d.*, access.admitted, me.user_id as me, coalesce(me.is_pinned, false) as is_pinned,
            me.read_counted, me.is_archived, me.notifications_enabled, me.last_read_message_id
          from dialogs d
          left join participants me on me.dialog_id = d.id and me.user_id = :reader
          cross join lateral ({_ADMITTED}) access
          where {where}
          order by {order} limit :limit offset :offset
        )
        select page.*, newest.content, newest.sender_id, newest.sent_at, newest.type,
          sender.display_name as sender_name,
          (select jsonb_agg(jsonb_build_array(p.user_id, p.display_name, p.company)
             order by p.joined_at, p.user_id)
           from participants p where p.dialog_id = page.id) as people
        from page
        left join messages newest
          on page.me is not null and newest.dialog_id = page.id and newest.id = page.last_message_id
        left join participants sender on sender.dialog_id = page.id and sender.user_id = newest.sender_id
        order by {order}
    """)  # noqa: S608 - built from the constants above alone
        .bindparams(
            sa.bindparam("reader", type_=sa.Text),
            sa.bindparam("level0", type_=ARRAY(sa.Text)),
            sa.bindparam("level1", type_=ARRAY(sa.Text)),
            sa.bindparam("level2", type_=ARRAY(sa.Text)),
            sa.bindparam("has_scopes", type_=sa.Boolean),
        )
        .columns(meta=sa.JSON, people=sa.JSON)
    )


_PARTICIPATING = _entries(f"{_LISTED} and {_AFTER}", _BY_ACTIVITY)
_AVAILABLE = _entries(f"{_OPEN} and {_AFTER}", _BY_ACTIVITY)
_OF_OBJECT = _entries(
    f"d.object_type = :type and d.object_id = :id and ((:mine and {_LISTED}) or (:open and {_OPEN}))", _BY_CREATION
)
_ONE = _entries("d.id = :dialog", _BY_CREATION)

_PEOPLE = sa.text(f"""
    select p.*, access.admitted, d.user_messages
    from dialogs d cross join lateral ({_ADMITTED}) access
    left join participants p on p.dialog_id = d.id
    where d.id = :dialog
    order by p.joined_at, p.user_id
""").bindparams(  # noqa: S608 - built from the constants above alone
    sa.bindparam("level0", type_=ARRAY(sa.Text)),
    sa.bindparam("level1", type_=ARRAY(sa.Text)),
    sa.bindparam("level2", type_=ARRAY(sa.Text)),
    sa.bindparam("has_scopes", type_=sa.Boolean),
)

_DIALOGS_OF = (
    sa.select(dialogs.c.id, dialogs.c.event_seq)
    .join(participants, participants.c.dialog_id == dialogs.c.id)
    .where(participants.c.user_id == sa.bindparam("reader"))
)


@frozen
class PostgresInbox:
    """Inbox: one statement each."""

    reads: AsyncEngine

    async def participating(self, reader: UserId, scopes: UserScope | None, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader takes part in."""
        return await self._list(_PARTICIPATING, {**_caller(reader, scopes), **_filter(query), **_place(query)})

    async def available(self, reader: UserId, scopes: UserScope, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader could join."""
        values = {**_caller(reader, scopes), **_filter(query), **_place(query)}
        del values["archived"]
        return await self._list(_AVAILABLE, values)

    async def of_object(
        self, reader: UserId, scopes: UserScope | None, about: ObjectRef, listing: Listing | None, query: Query
    ) -> tuple[Entry, ...]:
        """Return the object's dialogs, newest created first."""
        return await self._of_object(reader, scopes, about, listing, query, limit=None)

    async def newest_of(self, reader: UserId, scopes: UserScope | None, about: ObjectRef) -> Entry | None:
        """Return the newest created of the object's dialogs that the reader can open."""
        found = await self._of_object(reader, scopes, about, None, Query(), limit=1)
        return found[0] if found else None

    async def entry(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> Entry | None:
        """Return one dialog as the reader sees it."""
        values = {**_caller(reader, scopes), "dialog": dialog, "limit": 1, "offset": 0}
        found = await self._list(_ONE, values)
        return found[0] if found else None

    async def people(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> People | None:
        """Return everybody in the dialog."""
        values = {**_caller(reader, scopes), "dialog": dialog}
        del values["reader"]
        found = await self._rows(_PEOPLE, values)
        if not found:
            return None
        seen = tuple(_seen(row) for row in found if row.user_id is not None)
        return People(
            is_participant=any(person.user_id == reader for person in seen), admitted=found[0].admitted, seen=seen
        )

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        """Return the reader's dialogs, each with the seq of its last event."""
        found = await self._rows(_DIALOGS_OF, {"reader": reader})
        return tuple((DialogId(row.id), row.event_seq) for row in found)

    async def _of_object(
        self,
        reader: UserId,
        scopes: UserScope | None,
        about: ObjectRef,
        listing: Listing | None,
        query: Query,
        *,
        limit: int | None,
    ) -> tuple[Entry, ...]:
        values = {
            **_caller(reader, scopes),
            **_filter(query),
            "type": about.type,
            "id": about.id,
            "mine": listing is not Listing.AVAILABLE,
            "open": listing is not Listing.PARTICIPATING,
            "limit": limit,
            "offset": 0,
        }
        return await self._list(_OF_OBJECT, values)

    async def _list(self, statement: sa.Executable, values: dict[str, Any]) -> tuple[Entry, ...]:
        return tuple(map(_entry, await self._rows(statement, values)))

    async def _rows(self, statement: sa.Executable, values: dict[str, Any]) -> Sequence[rows.Row]:
        async def read() -> Sequence[rows.Row]:
            async with self.reads.connect() as connection:
                return (await connection.execute(statement, values)).all()

        return await repeatable(read)


def _caller(reader: UserId, scopes: UserScope | None) -> dict[str, Any]:
    level0, level1, level2 = scopes.levels if scopes else (frozenset[str](),) * 3
    return {
        "reader": reader,
        "has_scopes": scopes is not None,
        "level0": sorted(level0),
        "level1": sorted(level1),
        "level2": sorted(level2),
    }


def _filter(query: Query) -> dict[str, Any]:
    pattern = None
    if query.search is not None:
        literal = query.search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        pattern = f"%{literal}%"
    return {"pattern": pattern, "archived": query.archived}


def _place(query: Query) -> dict[str, Any]:
    after = query.after
    return {
        "limit": query.limit,
        "offset": query.offset,
        "after_pinned": after.is_pinned if after else None,
        "after_active": after.active_at if after else None,
        "after_id": after.id if after else None,
    }


def _entry(row: rows.Row) -> Entry:
    is_mine = row.me is not None
    return Entry(
        dialog=rows.dialog(row),
        standing=_standing(row, unread=max(0, row.user_messages - row.read_counted)) if is_mine else None,
        admitted=row.admitted,
        participants=tuple(Summary(*person) for person in row.people or ()),
        last_message=_preview(row) if row.content is not None else None,
    )


def _standing(row: rows.Row, *, unread: int) -> Standing:
    return Standing(
        unread_count=unread,
        is_archived=row.is_archived,
        is_pinned=row.is_pinned,
        notifications_enabled=row.notifications_enabled,
        last_read_message_id=row.last_read_message_id,
    )


def _preview(row: rows.Row) -> Preview:
    return Preview(
        id=row.last_message_id,
        content=row.content,
        sender_id=row.sender_id,
        sender_name=row.sender_name,
        sent_at=row.sent_at,
        type=MessageType(row.type),
    )


def _seen(row: rows.Row) -> Seen:
    person = rows.participant(row)
    return Seen(
        dialog_id=person.dialog_id,
        user_id=person.user_id,
        profile=person.profile,
        joined_as=person.joined_as,
        joined_at=person.joined_at,
        last_read_message_id=person.mark.message_id,
        standing=_standing(row, unread=max(0, row.user_messages - row.read_counted)),
    )
