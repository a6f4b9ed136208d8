"""Dialog lists in PostgreSQL: one statement each, whatever they show."""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Row, Statement, Trips, statement
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import (
    Entry,
    Listing,
    People,
    Position,
    Preview,
    Query,
    Seen,
    Standing,
    Summary,
    search_line,
)
from mtchat_core.domain.messages import MessageType
from mtchat_core.domain.scopes import UserScope

# AccessScope.admits: all three levels of one scope, and an empty level welcomes anyone.
_ADMITS = """
    (s.scope_level0 = '{}' or s.scope_level0 && :level0)
    and (s.scope_level1 = '{}' or s.scope_level1 && :level1)
    and (s.scope_level2 = '{}' or s.scope_level2 && :level2)
"""
_ADMITTED = f"""(cast(:has_scopes as boolean)
    and exists (select from access_scopes s where s.dialog_id = d.id and {_ADMITS}))"""
# hides_from_lists: scopes narrow the lists of participants too, where both sides have any.
SHOWN = f"""(not cast(:has_scopes as boolean)
    or coalesce((select bool_or({_ADMITS}) from access_scopes s where s.dialog_id = d.id), true))"""  # noqa: S608
_IN_ARCHIVE = "(cast(:archived as boolean) is null or me.is_archived = :archived)"
# inbox.matches. A dialog that the previous release made meanwhile is found by its title.
_FOUND = "(cast(:pattern as text) is null or coalesce(d.search_text, lower(d.title)) like :pattern)"
_AFTER = "(me.is_pinned, d.active_at, d.id) < (cast(:after_pinned as boolean), :after_active, :after_id)"
_BY_ACTIVITY = "is_pinned desc, active_at desc, id desc"
_BY_CREATION = "created_at desc, id desc"


def _entries(page: str, order: str) -> Statement:
    """Return a statement that finds a page of dialogs first, and then what each of them shows."""
    return statement(f"""
        with page as materialized ({page} order by {order} limit cast(:limit as bigint) offset :offset)
        select {rows.DIALOG}, {_ADMITTED} as admitted,
          me.user_id as me, me.read_counted, me.is_archived, me.is_pinned, me.notifications_enabled,
          me.last_read_message_id,
          newest.content, newest.sender_id, newest.sent_at, newest.type, newest.file_count,
          people.ids, people.names, people.companies
        from page
        join dialogs d on d.id = page.id
        left join participants me on me.dialog_id = d.id and me.user_id = :reader
        cross join lateral (
          select array_agg(p.user_id) as ids, array_agg(p.display_name) as names, array_agg(p.company) as companies
          from (select * from participants where dialog_id = d.id order by joined_at, user_id) p
        ) people
        left join messages newest
          on me.user_id is not null and newest.dialog_id = d.id and newest.id = d.last_message_id
        order by {", ".join(f"page.{place}" for place in order.split(", "))}
    """)  # noqa: S608 - built from our own constants


_PARTICIPATING = _entries(
    f"""
    select d.id, d.active_at, me.is_pinned from participants me join dialogs d on d.id = me.dialog_id
    where me.user_id = :reader and {_IN_ARCHIVE} and {SHOWN} and {_FOUND} and {_AFTER}
    """,  # noqa: S608
    _BY_ACTIVITY,
)
# Asked of each dialog by itself: as an anti join it compares every dialog with every other of the reader's.
_AVAILABLE = _entries(
    f"""
    select d.id, d.active_at, me.is_pinned from dialogs d cross join (select false as is_pinned) me
    where d.id in (select s.dialog_id from access_scopes s where {_ADMITS})
      and (select p.user_id from participants p where p.dialog_id = d.id and p.user_id = :reader) is null
      and {_FOUND} and {_AFTER}
    """,  # noqa: S608
    _BY_ACTIVITY,
)
_OF_OBJECT = _entries(
    f"""
    select d.id, d.created_at from dialogs d
    left join participants me on me.dialog_id = d.id and me.user_id = :reader
    where d.object_type = :type and d.object_id = :id and {_FOUND} and (
      (cast(:mine as boolean) and me.user_id is not null and {_IN_ARCHIVE} and {SHOWN})
      or (cast(:open as boolean) and me.user_id is null and {_ADMITTED}))
    """,  # noqa: S608
    _BY_CREATION,
)
_ONE = _entries("select d.id, d.created_at from dialogs d where d.id = :dialog", _BY_CREATION)

_PEOPLE = statement(f"""
    select {_ADMITTED} as admitted, d.user_messages, {rows.PARTICIPANT}
    from dialogs d left join participants p on p.dialog_id = d.id
    where d.id = :dialog
    order by p.joined_at, p.user_id
""")  # noqa: S608 - built from our own constants

_DIALOGS_OF = statement("""
    select d.id, d.event_seq from participants p join dialogs d on d.id = p.dialog_id where p.user_id = :reader
""")

_BEFORE_ALL = Position(is_pinned=True, active_at=rows.END_OF_TIME, id=DialogId(rows.LAST_ID))


@frozen
class PostgresInbox:
    """Inbox: one statement each."""

    trips: Trips

    async def participating(self, reader: UserId, scopes: UserScope | None, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader takes part in."""
        return await self._list(_PARTICIPATING, {**caller(reader, scopes), **_filter(query), **_place(query)})

    async def available(self, reader: UserId, scopes: UserScope, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader could join."""
        return await self._list(_AVAILABLE, {**caller(reader, scopes), **_filter(query), **_place(query)})

    async def of_object(
        self,
        reader: UserId,
        scopes: UserScope | None,
        about: ObjectRef,
        listing: Listing | None,
        query: Query,
    ) -> tuple[Entry, ...]:
        """Return the object's dialogs, newest created first."""
        return await self._of_object(reader, scopes, about, listing, query, limit=None)

    async def newest_of(self, reader: UserId, scopes: UserScope | None, about: ObjectRef) -> Entry | None:
        """Return the newest created of the object's dialogs that the reader can open."""
        found = await self._of_object(reader, scopes, about, None, Query(), limit=1)
        return found[0] if found else None

    async def entry(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> Entry | None:
        """Return one dialog as the reader sees it."""
        values = {**caller(reader, scopes), "dialog": dialog, "limit": 1, "offset": 0}
        found = await self._list(_ONE, values)
        return found[0] if found else None

    async def people(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> People | None:
        """Return everybody in the dialog."""
        found = await self.trips.all(_PEOPLE, {**caller(reader, scopes), "dialog": dialog})
        if not found:
            return None
        seen = tuple(_seen(row) for row in found if row["user_id"] is not None)
        return People(
            is_participant=any(person.user_id == reader for person in seen),
            admitted=found[0]["admitted"],
            seen=seen,
        )

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        """Return the reader's dialogs, each with the seq of its last event."""
        found = await self.trips.all(_DIALOGS_OF, {"reader": reader})
        return tuple((DialogId(row["id"]), row["event_seq"]) for row in found)

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
            **caller(reader, scopes),
            **_filter(query),
            "type": about.type,
            "id": about.id,
            "mine": listing is not Listing.AVAILABLE,
            "open": listing is not Listing.PARTICIPATING,
            "limit": limit,
            "offset": 0,
        }
        return await self._list(_OF_OBJECT, values)

    async def _list(self, statement: Statement, values: dict[str, Any]) -> tuple[Entry, ...]:
        return tuple(map(_entry, await self.trips.all(statement, values)))


def caller(reader: UserId, scopes: UserScope | None) -> dict[str, Any]:
    """Return the values that `SHOWN` and `_ADMITTED` ask for."""
    level0, level1, level2 = scopes.levels if scopes else (frozenset[str](),) * 3
    return {
        "reader": reader,
        "has_scopes": scopes is not None,
        "level0": list(level0),
        "level1": list(level1),
        "level2": list(level2),
    }


def _filter(query: Query) -> dict[str, Any]:
    pattern = query.search and rows.containing(search_line(query.search))
    return {"pattern": pattern, "archived": query.archived}


def _place(query: Query) -> dict[str, Any]:
    after = query.after or _BEFORE_ALL
    return {
        "limit": query.limit,
        "offset": query.offset,
        "after_pinned": after.is_pinned,
        "after_active": after.active_at,
        "after_id": after.id,
    }


def _entry(row: Row) -> Entry:
    people = tuple(map(Summary, row["ids"] or (), row["names"] or (), row["companies"] or ()))
    return Entry(
        dialog=rows.dialog(row),
        standing=_standing(row) if row["me"] is not None else None,
        admitted=row["admitted"],
        participants=people,
        last_message=_preview(row, people) if row["content"] is not None else None,
    )


def _standing(row: Row) -> Standing:
    return Standing(
        unread_count=max(0, row["user_messages"] - row["read_counted"]),
        is_archived=row["is_archived"],
        is_pinned=row["is_pinned"],
        notifications_enabled=row["notifications_enabled"],
        last_read_message_id=row["last_read_message_id"],
    )


def _preview(row: Row, people: Sequence[Summary]) -> Preview:
    sender = row["sender_id"]
    return Preview(
        id=row["last_message_id"],
        content=row["content"],
        sender_id=sender,
        sender_name=next((person.display_name for person in people if person.user_id == sender), None),
        sent_at=row["sent_at"],
        type=MessageType(row["type"]),
        file_count=row["file_count"],
    )


def _seen(row: Row) -> Seen:
    person = rows.participant(row)
    return Seen(
        dialog_id=person.dialog_id,
        user_id=person.user_id,
        profile=person.profile,
        joined_as=person.joined_as,
        joined_at=person.joined_at,
        last_read_message_id=person.mark.message_id,
        standing=_standing(row),
    )
