"""Dialogs in PostgreSQL: inside a transaction, and as the host looks them up."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Row, Session, Statement, Trips, statement
from mtchat_core.domain.dialogs import About, Dialog, ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import search_line
from mtchat_core.domain.scopes import AccessScope
from mtchat_core.ports.dialogs import Details, KeptScope, Place

_MESSAGES_AT_ONCE = 5_000
"""How many messages one statement deletes: well within the command timeout."""

_LOCK = statement(f"select {rows.DIALOG} from dialogs d where d.id = :dialog for update")  # noqa: S608 - our own

_ADD = statement("""
    insert into dialogs (id, object_type, object_id, title, search_text, object_url, meta, created_by,
      created_at, active_at)
    values (:dialog, :type, :id, :title, :title_folded, :object_url, :meta, :created_by,
      :created_at, :created_at)
""")

_EVERYBODYS = f"select {rows.COMPANY} from participants p where p.dialog_id = :dialog"  # noqa: S608 - our own
_DESCRIBE = statement(f"""
    update dialogs set title = :title, object_url = :object_url, meta = :meta,
      search_text = {rows.searched("cast(:title_folded as text)", _EVERYBODYS)}
    where id = :dialog
""")  # noqa: S608 - built from our own constants

# A reply is younger than what it answers, so the newest go first.
_DELETE_MESSAGES = statement("""
    delete from messages where dialog_id = :dialog and seq in (
      select seq from messages where dialog_id = :dialog order by seq desc limit :at_once)
    returning 1
""")

_DELETE = statement("delete from dialogs where id = :dialog")

_SCOPES = statement(f"""
    select {rows.SCOPE} from access_scopes s where s.dialog_id = :dialog order by s.position
""")  # noqa: S608 - built from our own constants

_CLEAR_SCOPES = statement("delete from access_scopes where dialog_id = :dialog")

_SET_SCOPES = statement("""
    insert into access_scopes (dialog_id, position, id, scope_level0, scope_level1, scope_level2,
      tenant_uid, created_at)
    select :dialog, position, id, scope_level0, scope_level1, scope_level2, tenant_uid, created_at
    from jsonb_to_recordset(cast(:scopes as jsonb)) as s (position integer, id uuid, scope_level0 text[],
      scope_level1 text[], scope_level2 text[], tenant_uid text, created_at timestamptz)
""")


@frozen
class PostgresDialogs:
    """Dialogs of one transaction; `event_seqs` remembers the last event of each that is locked."""

    session: Session
    event_seqs: dict[DialogId, int]

    async def lock(self, dialog: DialogId) -> Dialog | None:
        """Return the dialog and hold its row."""
        row = await self.session.one(_LOCK, {"dialog": dialog})
        if row is None:
            return None
        self.event_seqs[dialog] = row["event_seq"]
        return rows.dialog(row)

    async def add(self, dialog: Dialog) -> None:
        """Keep a new dialog, locked."""
        values = {
            "type": dialog.object.type,
            "id": dialog.object.id,
            "created_by": dialog.created_by,
            "created_at": dialog.created_at,
        }
        await self.session.all(_ADD, {**values, **_described(dialog.id, dialog.about)})
        self.event_seqs[dialog.id] = 0

    async def describe(self, dialog: Dialog) -> None:
        """Keep what the dialog is about."""
        await self.session.all(_DESCRIBE, _described(dialog.id, dialog.about))

    async def delete(self, dialog: DialogId) -> None:
        """Delete the dialog and everything below it, however much that is."""
        batch = {"dialog": dialog, "at_once": _MESSAGES_AT_ONCE}
        while len(await self.session.all(_DELETE_MESSAGES, batch)) == _MESSAGES_AT_ONCE:
            pass
        await self.session.all(_DELETE, {"dialog": dialog})

    async def scopes(self, dialog: DialogId) -> tuple[AccessScope, ...]:
        """Return the access scopes."""
        return tuple(rows.scope(row).scope for row in await self.session.all(_SCOPES, {"dialog": dialog}))

    async def set_scopes(self, dialog: DialogId, scopes: Sequence[KeptScope]) -> None:
        """Replace the access scopes."""
        await self.session.all(_CLEAR_SCOPES, {"dialog": dialog})
        values = [
            {
                "position": position,
                "id": kept.id,
                **_levels(kept.scope),
                "tenant_uid": kept.scope.tenant_uid,
                "created_at": kept.created_at,
            }
            for position, kept in enumerate(scopes)
        ]
        if values:
            await self.session.all(_SET_SCOPES, {"dialog": dialog, "scopes": json.dumps(values, default=str)})


def _described(dialog: DialogId, about: About) -> dict[str, Any]:
    return {
        "dialog": dialog,
        "title": about.title,
        "title_folded": search_line(about.title),
        "object_url": about.object_url,
        "meta": rows.as_json(about.meta),
    }


def _levels(scope: AccessScope) -> dict[str, list[str]]:
    """Return the levels as columns, sorted, so that equal levels are equal arrays."""
    return {f"scope_level{number}": sorted(level) for number, level in enumerate(scope.levels)}


_PEOPLE_AND_SCOPES = f"""
    (select coalesce(json_agg(p order by p.joined_at, p.user_id), '[]')
     from (select {rows.PARTICIPANT} from participants p where p.dialog_id = d.id) p) as people,
    (select coalesce(json_agg(s order by s.position), '[]')
     from access_scopes s where s.dialog_id = d.id) as scopes
"""  # noqa: S608 - built from our own constants

_DETAILS = statement(f"select {rows.DIALOG}, {_PEOPLE_AND_SCOPES} from dialogs d where d.id = :dialog")  # noqa: S608

# scopes.same_set: as many entries, and each list found in the other.
_FIND = statement(f"""
    with wanted as (
      select distinct scope_level0, scope_level1, scope_level2
      from jsonb_to_recordset(cast(:scopes as jsonb))
        as w (scope_level0 text[], scope_level1 text[], scope_level2 text[])
    )
    select {rows.DIALOG} from dialogs d
    where d.object_type = :type and d.object_id = :id
      and (select count(*) from access_scopes s where s.dialog_id = d.id) = cast(:count as integer)
      and not exists (
        select scope_level0, scope_level1, scope_level2 from access_scopes s where s.dialog_id = d.id
        except select scope_level0, scope_level1, scope_level2 from wanted)
      and not exists (
        select scope_level0, scope_level1, scope_level2 from wanted
        except select scope_level0, scope_level1, scope_level2 from access_scopes s where s.dialog_id = d.id)
    order by d.created_at desc, d.id desc
    limit 1
""")  # noqa: S608 - built from our own constants


def _page(*conditions: str) -> Statement:
    return statement(f"""
        select {rows.DIALOG} from dialogs d
        where {" and ".join(conditions)} and (d.created_at, d.id) < (:after_created_at, :after_id)
        order by d.created_at desc, d.id desc
        limit :limit
    """)  # noqa: S608 - built from our own constants


# One statement per filter, so that each can follow its own index.
_OF_TYPE, _WITH_ID = "d.object_type = :type", "d.object_id = :id"
_PAGES = {
    (False, False): _page("true"),
    (True, False): _page(_OF_TYPE),
    (False, True): _page(_WITH_ID),
    (True, True): _page(_OF_TYPE, _WITH_ID),
}
_BEFORE_ALL = Place(rows.END_OF_TIME, DialogId(rows.LAST_ID))

_ACCESS = statement("""
    select exists (select from participants p where p.dialog_id = d.id and p.user_id = :user) as is_participant,
      (select coalesce(json_agg(s order by s.position), '[]')
       from access_scopes s where s.dialog_id = d.id) as scopes
    from dialogs d where d.id = :dialog
""")


@frozen
class PostgresDirectory:
    """Directory: one statement each."""

    trips: Trips

    async def details(self, dialog: DialogId) -> Details | None:
        """Return one dialog with its people and scopes."""
        row = await self.trips.one(_DETAILS, {"dialog": dialog})
        if row is None:
            return None
        return Details(
            dialog=rows.dialog(row),
            participants=tuple(rows.participant(rows.from_json(person)) for person in row["people"]),
            scopes=tuple(_scopes(row)),
        )

    async def find(self, about: ObjectRef, scopes: Sequence[AccessScope]) -> Dialog | None:
        """Return the object's newest dialog with the same scopes."""
        wanted = json.dumps([_levels(scope) for scope in scopes])
        values = {"type": about.type, "id": about.id, "scopes": wanted, "count": len(scopes)}
        row = await self.trips.one(_FIND, values)
        return rows.dialog(row) if row else None

    async def page(
        self, *, object_type: str | None, object_id: str | None, limit: int, after: Place | None
    ) -> tuple[Dialog, ...]:
        """Return dialogs, newest first."""
        after = after or _BEFORE_ALL
        values = {
            "type": object_type,
            "id": object_id,
            "limit": limit,
            "after_created_at": after.created_at,
            "after_id": after.id,
        }
        page = _PAGES[object_type is not None, object_id is not None]
        return tuple(map(rows.dialog, await self.trips.all(page, values)))

    async def access(self, dialog: DialogId, user: UserId) -> tuple[bool, tuple[AccessScope, ...]] | None:
        """Return whether *user* takes part, and the scopes."""
        row = await self.trips.one(_ACCESS, {"dialog": dialog, "user": user})
        if row is None:
            return None
        return row["is_participant"], tuple(kept.scope for kept in _scopes(row))


def _scopes(row: Row) -> Iterable[KeptScope]:
    return (rows.scope(rows.from_json(scope)) for scope in row["scopes"])
