"""What a request costs, and what the log keeps."""

import pytest

from mtchat_adapters.postgres import PostgresStore
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.attachments import FileKind
from mtchat_core.domain.dialogs import About
from mtchat_core.domain.events import AttachmentUpdated
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.inbox import Query
from mtchat_core.domain.messages import Direction, Draft, Window
from mtchat_core.domain.participants import Profile
from mtchat_core.domain.scopes import AccessScope
from mtchat_core.domain.search import Search
from mtchat_core.use_cases.dialogs import NewDialog
from tests.adapters.watching import query, witnessed
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    PLANNERS,
    QUOTE,
    SECOND,
    START,
    a_dialog,
    a_dialog_id,
    a_message_id,
    a_participant,
    a_profile,
    a_sent_file,
    add_person,
    an_invitation,
    an_outgoing,
    an_upload,
    locked,
    open_dialog,
    say,
    send_files,
    uploaded,
)

OF_FILES = ("uploads", "attachments", "storage_leftovers")


async def test_a_send_is_one_statement_whatever_comes_with_it(postgres_ports: Ports, postgres_url: str) -> None:
    dialog = await open_dialog(postgres_ports, ANN, a_participant(by=BO, is_archived=True))
    async with witnessed(postgres_url) as (ports, witness):
        first = (await ports.log.append(an_outgoing(dialog))).message
        for outgoing in (
            an_outgoing(dialog),
            an_outgoing(dialog, reply_to=first.id),
            an_outgoing(dialog, key="k"),
            an_outgoing(dialog, key="k"),
        ):
            witness.forget()
            await ports.log.append(outgoing)
            assert len(witness.statements) == 1


async def test_a_send_with_files_is_one_statement_more_for_all_of_them(
    postgres_ports: Ports, postgres_url: str
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    costs: list[int] = []
    async with witnessed(postgres_url) as (ports, witness):
        for count in (1, 1, 10):
            uploads = [an_upload(dialog) for _ in range(count)]
            for upload in uploads:
                await ports.uploads.reserve(upload, quota_bytes=None)
            witness.forget()
            await ports.log.append(an_outgoing(dialog, files=[a_sent_file(upload) for upload in uploads]))
            costs.append(len(witness.statements))

    begin_lock_append_attach_commit = 5
    assert costs[1:] == [begin_lock_append_attach_commit] * 2


async def test_who_comes_and_goes_is_one_statement_with_what_the_dialog_is_searched_in(
    postgres_ports: Ports, postgres_url: str
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    bo = a_participant(dialog, by=BO, profile=a_profile("Bo", "Nordwind"))
    async with witnessed(postgres_url) as (ports, witness), locked(ports, dialog) as tx:
        for change in (
            tx.participants.add([bo]),
            tx.participants.remove(dialog, BO),
            tx.dialogs.describe(a_dialog(id=dialog)),
        ):
            witness.forget()
            await change
            assert len(witness.statements) == 1


async def test_no_index_of_what_a_dialog_is_searched_in_makes_sends_dearer(postgres_store: PostgresStore) -> None:
    indexed = "select indexdef from pg_indexes where tablename = 'dialogs' and indexdef like '%search_text%'"

    assert await query(postgres_store, indexed) == []


async def test_every_read_is_one_statement_however_much_it_shows(postgres_ports: Ports, postgres_url: str) -> None:
    cursor = await postgres_ports.events.latest()
    for n in range(12):
        people = [UserId(f"user-{m}") for m in range(n)]
        dialog = await open_dialog(postgres_ports, ANN, *people, scopes=[PLANNERS])
        await say(postgres_ports, dialog, "1", "2")
        await open_dialog(postgres_ports, BO, scopes=[PLANNERS])
    [file, _] = (
        await send_files(postgres_ports, dialog, an_upload(dialog), an_upload(dialog), are_seen_later=True)
    ).attachments
    upload = an_upload(dialog)
    await postgres_ports.uploads.reserve(upload, quota_bytes=None)
    async with witnessed(postgres_url) as (ports, witness):
        await ports.receipts.unread(ANN)
        for read in (
            ports.receipts.unread(ANN),
            ports.inbox.participating(ANN, A_PLANNER, Query(search="quote")),
            ports.inbox.available(ANN, A_PLANNER, Query()),
            ports.inbox.of_object(ANN, A_PLANNER, QUOTE, None, Query()),
            ports.inbox.newest_of(ANN, A_PLANNER, QUOTE),
            ports.inbox.entry(ANN, A_PLANNER, dialog),
            ports.inbox.people(ANN, A_PLANNER, dialog),
            ports.inbox.dialogs_of(ANN),
            ports.search.find(ANN, A_PLANNER, Search("1")),
            ports.search.find(ANN, A_PLANNER, Search("1", dialog=dialog)),
            ports.transcript.page(dialog, ANN, Window()),
            ports.transcript.page(dialog, ANN, Window(Direction.AROUND, a_message_id())),
            ports.transcript.history(dialog, ANN, a_message_id()),
            ports.transcript.get(dialog, ANN, a_message_id()),
            ports.directory.details(dialog),
            ports.directory.find(QUOTE, [PLANNERS]),
            ports.directory.access(dialog, ANN),
            ports.directory.page(object_type="quote", object_id=None, limit=10, after=None),
            ports.events.of_dialog(dialog, after=0, limit=10),
            ports.events.of_dialogs([(dialog, 0), (a_dialog_id(), 5)], limit=10),
            ports.events.latest(),
            ports.events.heads(cursor, limit=10),
            ports.events.stream(None, limit=10),
            ports.events.stream(cursor, limit=10),
            ports.events.missed(ANN, cursor, limit=10),
            ports.events.lag(),
            ports.events.prune(START, limit=10),
            ports.uploads.reserve(an_upload(dialog), quota_bytes=1000),
            ports.uploads.find(ANN, dialog, [upload.key]),
            ports.uploads.get(ANN, upload.key),
            ports.uploads.note_parts(upload.key, "parts"),
            ports.attachments.get(ANN, file.id),
            ports.attachments.page(ANN, dialog, kind=None, before=None, limit=10),
            ports.attachments.page(ANN, dialog, kind=FileKind.DOCUMENT, before=file.id, limit=10),
            ports.file_work.take(10, lease=SECOND),
            ports.file_work.postpone(file.id, wait=SECOND),
            ports.file_work.leftovers(unsent_before=START + SECOND, limit=10),
            ports.file_work.forget([file.key]),
            ports.file_work.backlog(),
        ):
            witness.forget()
            assert await read != ()
            assert len(witness.statements) == 1


@pytest.mark.parametrize("people", [2, 200])
async def test_a_send_touches_nobody_elses_row(
    postgres_ports: Ports, postgres_store: PostgresStore, people: int
) -> None:
    dialog = await open_dialog(postgres_ports, ANN, *(UserId(f"user-{n}") for n in range(people)))

    await say(postgres_ports, dialog, "hello")

    touched = await query(
        postgres_store,
        """
        select p.user_id from participants p join messages m on m.dialog_id = p.dialog_id
        where p.dialog_id = :dialog and p.xmin = m.xmin
        """,
        dialog=dialog,
    )
    assert [row["user_id"] for row in touched] == [ANN]


async def test_the_log_holds_no_text_of_anybody(postgres_ports: Ports, postgres_store: PostgresStore) -> None:
    chat = Chat.over(postgres_ports)
    canary = "canary"
    profile = Profile(canary, canary, canary, canary)
    new = NewDialog(QUOTE, About(canary, f"https://{canary}.example/", {canary: canary}), (an_invitation(),))
    dialog = (await chat.dialogs.create(new)).id
    await chat.dialogs.set_scopes(dialog, [AccessScope(([], [], []))])
    await chat.participants.join(dialog, CY, A_PLANNER, profile)
    await add_person(postgres_ports, dialog, a_participant(by=BO, profile=a_profile(canary, canary)))
    first = await chat.messages.send(CY, dialog, Draft(canary, key=canary))
    await chat.messages.send(CY, dialog, Draft(canary, reply_to=first.id))
    await chat.messages.edit(CY, dialog, first.id, f"{canary} again")
    claim = await uploaded(chat, dialog, by=CY, filename=f"{canary}.pdf")
    sent = await chat.messages.send(CY, dialog, Draft("", files=(claim,)))
    async with locked(postgres_ports, dialog) as tx:
        changed = await tx.files.change(dialog, sent.attachments[0], look_again_in=None)
        assert changed is not None
        tx.record(AttachmentUpdated(dialog_id=dialog, message=changed, attachment_id=sent.attachments[0].id))
    await chat.receipts.mark_read(ANN, dialog, first.id)
    await chat.inbox.archive(dialog, ANN)
    await chat.messages.delete(CY, dialog, first.id)
    await chat.dialogs.describe(dialog, lambda _: About(f"{canary} again"))
    await chat.participants.leave(dialog, CY)
    await chat.dialogs.delete(dialog)
    chat.realtime.close()

    logged = await query(postgres_store, "select cast(e as text) as everything, type from events e")

    assert len({row["type"] for row in logged}) == 10
    assert not [row for row in logged if canary in row["everything"]]


async def test_what_is_deleted_is_gone_from_every_table(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    chat = Chat.over(postgres_ports)
    dialog = await open_dialog(postgres_ports, ANN)
    claim = await uploaded(chat, dialog, filename="canary.pdf")
    message = await chat.messages.send(ANN, dialog, Draft("canary", key="k", files=(claim,)))
    await chat.messages.edit(ANN, dialog, message.id, "canary again")
    await chat.messages.delete(ANN, dialog, message.id)

    for table in ("messages", "edits", "deleted_messages", "events", "dialogs", *OF_FILES):
        found = await query(postgres_store, f"select cast(t as text) as everything from {table} t")
        assert "canary" not in str(found), table

    await chat.dialogs.delete(dialog)
    for table in (
        "dialogs",
        "participants",
        "access_scopes",
        "messages",
        "edits",
        "deleted_messages",
        "attachments",
    ):
        assert await query(postgres_store, f"select 1 as one from {table}") == [], table
    chat.realtime.close()


async def test_a_dialog_with_more_messages_than_one_statement_deletes_is_deleted_whole(
    postgres_ports: Ports, postgres_store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mtchat_adapters.postgres.dialogs._MESSAGES_AT_ONCE", 4)
    dialog = await open_dialog(postgres_ports, ANN)
    [first] = await say(postgres_ports, dialog, "1")
    for _ in range(9):
        await postgres_ports.log.append(an_outgoing(dialog, reply_to=first.id))

    chat = Chat.over(postgres_ports)
    await chat.dialogs.delete(dialog)
    chat.realtime.close()

    assert await query(postgres_store, "select 1 as one from messages") == []
