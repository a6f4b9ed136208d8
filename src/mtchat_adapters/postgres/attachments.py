"""Files of messages in PostgreSQL. Sending them is in `message_log` (docs/adr/0013-files-as-rows.md)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.session import Session, Statement, Trips, statement
from mtchat_core.domain.attachments import Attachment, Filed, FileKind, FilePage, FileQuotaExceeded, Upload
from mtchat_core.domain.dialogs import DialogNotFound
from mtchat_core.domain.errors import Forbidden
from mtchat_core.domain.ids import AttachmentId, DialogId, UserId
from mtchat_core.domain.messages import Message
from mtchat_core.ports.attachments import FileBacklog, Leftover, Unseen

_MOST_COUNTED = 10_000

_RESERVE = statement("""
    with standing as materialized (
      select p.user_id is not null as is_in from dialogs d
      left join participants p on p.dialog_id = d.id and p.user_id = :user
      where d.id = :dialog
    ),
    quota as materialized (
      select case when cast(:quota as bigint) is null then false
        else file_bytes_of(:user) + cast(:size as bigint) > :quota end as is_over
      from standing where is_in
    ),
    kept as (
      insert into uploads (key, id, dialog_id, user_id, filename, content_type, size_bytes, created_at,
        link_until, parts_id)
      select :key, :id, :dialog, :user, :filename, :content_type, :size, :created_at, :link_until, :parts_id
      from quota where not is_over
      on conflict (key) do nothing
    )
    select is_in, (select is_over from quota) as is_over from standing
""")

_FIND = statement(f"""
    select p.user_id is not null as is_in, {rows.UPLOAD} from dialogs d
    left join participants p on p.dialog_id = d.id and p.user_id = :user
    left join uploads u on u.key = any(cast(:keys as text[])) and u.user_id = p.user_id and u.dialog_id = d.id
    where d.id = :dialog
""")  # noqa: S608 - built from our own constants

_GET_UPLOAD = statement(f"select {rows.UPLOAD} from uploads u where u.key = :key and u.user_id = :user")  # noqa: S608

_NOTE_PARTS = statement("update uploads set parts_id = :parts_id where key = :key")


@frozen
class PostgresUploads:
    """Uploads: one statement each."""

    trips: Trips

    async def reserve(self, upload: Upload, *, quota_bytes: int | None) -> None:
        """Keep a place."""
        values = {
            "key": upload.key,
            "id": upload.id,
            "dialog": upload.dialog_id,
            "user": upload.user_id,
            "filename": upload.filename,
            "content_type": upload.content_type,
            "size": upload.size_bytes,
            "created_at": upload.created_at,
            "link_until": upload.link_until,
            "parts_id": upload.parts_id,
            "quota": quota_bytes,
        }
        row = await self.trips.one(_RESERVE, values)
        if row is None:
            raise DialogNotFound
        if not row["is_in"]:
            raise Forbidden
        if row["is_over"]:
            raise FileQuotaExceeded

    async def find(self, user: UserId, dialog: DialogId, keys: Sequence[str]) -> tuple[Upload, ...]:
        """Return those of *keys* that wait to be sent."""
        found = await self.trips.all(_FIND, {"user": user, "dialog": dialog, "keys": list(keys)})
        if not found:
            raise DialogNotFound
        if not found[0]["is_in"]:
            raise Forbidden
        return tuple(rows.upload(row) for row in found if row["key"] is not None)

    async def get(self, user: UserId, key: str) -> Upload | None:
        """Return a place."""
        row = await self.trips.one(_GET_UPLOAD, {"user": user, "key": key})
        return rows.upload(row) if row else None

    async def note_parts(self, key: str, parts_id: str | None) -> None:
        """Remember the storage's name."""
        await self.trips.all(_NOTE_PARTS, {"key": key, "parts_id": parts_id})


_GET = statement(f"""
    select {rows.ATTACHMENT} from attachments a
    join participants p on p.dialog_id = a.dialog_id and p.user_id = :reader
    where a.id = :attachment
""")  # noqa: S608 - built from our own constants


def _page(condition: str) -> Statement:
    # A reader who takes part always gets a row, even if there is nothing to show.
    return statement(f"""
        select {rows.ATTACHMENT}, m.id as message_id, m.sender_id, m.sender_name, m.sent_at
        from participants p
        left join lateral (
          select * from attachments a where a.dialog_id = p.dialog_id and a.id < :before and {condition}
          order by a.id desc limit cast(:limit as bigint) + 1
        ) a on true
        left join messages m on m.dialog_id = a.dialog_id and m.id = a.message_id
        where p.dialog_id = :dialog and p.user_id = :reader
        order by a.id desc
    """)  # noqa: S608 - built from our own constants


# One statement each, so that both can follow their own index.
_PAGE, _PAGE_OF_KIND = _page("true"), _page("a.kind = :kind")


@frozen
class PostgresAttachments:
    """Attachments: one statement each."""

    trips: Trips

    async def get(self, reader: UserId, attachment: AttachmentId) -> Attachment | None:
        """Return a file."""
        row = await self.trips.one(_GET, {"reader": reader, "attachment": attachment})
        return rows.attachment(row) if row else None

    async def page(
        self, reader: UserId, dialog: DialogId, *, kind: FileKind | None, before: AttachmentId | None, limit: int
    ) -> FilePage | None:
        """Return a dialog's files."""
        values = {"reader": reader, "dialog": dialog, "before": before or rows.LAST_ID, "limit": limit}
        if kind is None:
            found = await self.trips.all(_PAGE, values)
        else:
            found = await self.trips.all(_PAGE_OF_KIND, {**values, "kind": kind.value})
        if not found:
            return None
        files = tuple(
            Filed(rows.attachment(row), row["message_id"], row["sender_id"], row["sender_name"], row["sent_at"])
            for row in found
            if row["id"] is not None
        )
        return FilePage(files[:limit], has_more=len(files) > limit)


# The statement's own time is fixed, and so can lead into the index; the clock's could not.
_TAKE = statement(f"""
    with due as materialized (
      select a.dialog_id, a.id, a.look_due from attachments a where a.look_due <= statement_timestamp()
      order by a.look_due limit :limit for update skip locked
    ),
    taken as (
      update attachments a set look_due = clock_timestamp() + cast(:lease as interval)
      from due where a.dialog_id = due.dialog_id and a.id = due.id
      returning {rows.ATTACHMENT}, a.dialog_id, a.message_id, a.sent_at, a.tries, due.look_due as was_due
    )
    select * from taken order by was_due, id
""")  # noqa: S608 - built from our own constants

_POSTPONE = statement("""
    update attachments set look_due = clock_timestamp() + cast(:wait as interval), tries = tries + 1
    where id = :attachment and look_due is not null
""")

_LEFTOVERS = statement("""
    with unsent as (
      delete from uploads where key in (
        select key from uploads where created_at < :unsent_before
        order by created_at limit :limit for update skip locked)
      returning key, parts_id
    ),
    condemned as (
      insert into storage_leftovers (key, parts_id, due_at) select key, parts_id, clock_timestamp() from unsent
      on conflict (key) do nothing
      returning key, parts_id, due_at
    )
    select key, parts_id from (
      (select key, parts_id, due_at from storage_leftovers where due_at <= statement_timestamp()
      order by due_at limit :limit)
      union all
      select key, parts_id, due_at from condemned
    ) due order by due_at limit :limit
""")

_FORGET = statement("delete from storage_leftovers where key = any(cast(:keys as text[]))")

_BACKLOG = statement(f"""
    select
      (select count(*) from (
        select from attachments where look_due is not null limit {_MOST_COUNTED}) counted) as unseen,
      (select count(*) from (
        select from attachments where look_due <= statement_timestamp() - interval '1 minute'
        limit {_MOST_COUNTED}) counted) as late,
      (select count(*) from (select from storage_leftovers limit {_MOST_COUNTED}) counted) as leftovers
""")  # noqa: S608 - built from our own constants


@frozen
class PostgresFileWork:
    """FileWork: one statement each."""

    trips: Trips

    async def take(self, limit: int, *, lease: timedelta) -> tuple[Unseen, ...]:
        """Take what is due."""
        taken = await self.trips.all(_TAKE, {"limit": limit, "lease": lease})
        return tuple(
            Unseen(row["dialog_id"], row["message_id"], rows.attachment(row), row["sent_at"], row["tries"])
            for row in taken
        )

    async def postpone(self, attachment: AttachmentId, *, wait: timedelta) -> None:
        """Have a file due again."""
        await self.trips.all(_POSTPONE, {"attachment": attachment, "wait": wait})

    async def leftovers(self, *, unsent_before: datetime, limit: int) -> tuple[Leftover, ...]:
        """Return things to delete."""
        found = await self.trips.all(_LEFTOVERS, {"unsent_before": unsent_before, "limit": limit})
        return tuple(Leftover(row["key"], row["parts_id"]) for row in found)

    async def forget(self, keys: Sequence[str]) -> None:
        """Forget leftovers."""
        await self.trips.all(_FORGET, {"keys": list(keys)})

    async def backlog(self) -> FileBacklog:
        """Count what waits."""
        [counted] = await self.trips.all(_BACKLOG, {})
        return FileBacklog(counted["unseen"], counted["late"], counted["leftovers"])


_CHANGE = statement("""
    update attachments set width = :width, height = :height, thumbnail_key = :thumbnail_key, state = :state,
      look_due = clock_timestamp() + cast(:wait as interval), tries = 0
    where dialog_id = :dialog and id = :attachment
    returning message_id
""")

_MESSAGE = statement(f"select {rows.MESSAGE} from messages m where m.dialog_id = :dialog and m.id = :message")  # noqa: S608


@frozen
class PostgresMessageFiles:
    """MessageFiles of one transaction."""

    session: Session

    async def change(
        self, dialog: DialogId, attachment: Attachment, *, look_again_in: timedelta | None
    ) -> Message | None:
        """Keep what was found out about a file."""
        values = {
            "dialog": dialog,
            "attachment": attachment.id,
            "width": attachment.width,
            "height": attachment.height,
            "thumbnail_key": attachment.thumbnail_key,
            "state": attachment.state.value,
            "wait": look_again_in,
        }
        changed = await self.session.one(_CHANGE, values)
        if changed is None:
            return None
        [row] = await self.session.all(_MESSAGE, {"dialog": dialog, "message": changed["message_id"]})
        return rows.message(row)
