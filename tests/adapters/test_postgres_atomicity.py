"""Whatever fails, and at whichever statement: a change is there whole, or not at all and nobody hears of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from attrs import evolve, frozen

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore
from mtchat_adapters.postgres.session import Session
from mtchat_core.chat import Chat, Ports
from mtchat_core.domain.attachments import FileClaim
from mtchat_core.domain.dialogs import About
from mtchat_core.domain.errors import ServiceUnavailable
from mtchat_core.domain.events import AttachmentUpdated
from mtchat_core.domain.ids import DialogId, MessageId
from mtchat_core.domain.messages import Draft
from mtchat_core.domain.scopes import AccessScope
from mtchat_core.domain.system_messages import Notice
from tests.adapters.between import Between, between
from tests.adapters.watching import query
from tests.builders import (
    A_PLANNER,
    ANN,
    BO,
    CY,
    DI,
    PLANNERS,
    a_new_dialog,
    a_profile,
    an_invitation,
    uploaded,
)

TABLES = (
    "dialogs",
    "participants",
    "access_scopes",
    "messages",
    "deleted_messages",
    "edits",
    "events",
    "idempotency_keys",
    "uploads",
    "attachments",
    "storage_leftovers",
)


@frozen
class Scene:
    """A dialog of Ann and Bo, who has put it away, with a message of hers, a reply, and another one.

    The last one has a file, and Ann has uploaded another, which she has not sent yet.
    """

    dialog: DialogId
    first: MessageId
    reply: MessageId
    last: MessageId
    upload: FileClaim


Action = Callable[[Chat, Scene], Awaitable[object]]


async def find_out(chat: Chat, at: Scene) -> None:
    async with chat.messages.transaction() as tx:
        await tx.dialogs.lock(at.dialog)
        message = await tx.messages.get(at.dialog, at.last)
        assert message is not None
        file = evolve(message.attachments[0], width=640)
        changed = await tx.files.change(at.dialog, file, look_again_in=None)
        assert changed is not None
        tx.record(AttachmentUpdated(dialog_id=at.dialog, message=changed, attachment_id=file.id))


ACTIONS: dict[str, Action] = {
    "create": lambda chat, at: chat.dialogs.create(
        a_new_dialog(ANN, CY, scopes=[PLANNERS]), key=f"new-{at.dialog}"
    ),
    "delete the dialog": lambda chat, at: chat.dialogs.delete(at.dialog),
    "describe": lambda chat, at: chat.dialogs.describe(at.dialog, lambda _: About("another title")),
    "set scopes": lambda chat, at: chat.dialogs.set_scopes(at.dialog, [AccessScope((["x"], [], []))]),
    "add": lambda chat, at: chat.participants.add(at.dialog, [an_invitation(CY), an_invitation(DI)]),
    "remove": lambda chat, at: chat.participants.remove(at.dialog, BO),
    "join": lambda chat, at: chat.participants.join(at.dialog, CY, A_PLANNER, a_profile("Cy")),
    "leave": lambda chat, at: chat.participants.leave(at.dialog, BO),
    "send": lambda chat, at: chat.messages.send(ANN, at.dialog, Draft("hello")),
    "send with a key": lambda chat, at: chat.messages.send(ANN, at.dialog, Draft("hello", key="another")),
    "send what was sent before": lambda chat, at: chat.messages.send(ANN, at.dialog, Draft("one", key="k")),
    "reply": lambda chat, at: chat.messages.send(BO, at.dialog, Draft("hello", at.reply)),
    "send a file": lambda chat, at: chat.messages.send(ANN, at.dialog, Draft("", files=(at.upload,))),
    "find out about a file": find_out,
    "announce": lambda chat, at: chat.messages.announce(at.dialog, Notice("paid"), key=f"paid-{at.dialog}"),
    "edit": lambda chat, at: chat.messages.edit(ANN, at.dialog, at.first, "another wording"),
    "delete": lambda chat, at: chat.messages.delete(ANN, at.dialog, at.first),
    "delete with a file": lambda chat, at: chat.messages.delete(ANN, at.dialog, at.last),
    "read": lambda chat, at: chat.receipts.mark_read(BO, at.dialog, at.last),
    "archive": lambda chat, at: chat.inbox.archive(at.dialog, ANN),
    "pin": lambda chat, at: chat.inbox.pin(at.dialog, BO, on=True),
}
EVERY_ACTION = pytest.mark.parametrize(
    "action", ACTIONS.values(), ids=[name.replace(" ", "-") for name in ACTIONS]
)


class Failpoint:
    """Hangs up on the database just before the statement of a given number goes out; 0 is never."""

    def __init__(self) -> None:
        self.at = 0
        self.passed = 0

    def arm(self, at: int) -> None:
        """Fail at the statement numbered *at* from now on, counting begin and commit."""
        self.at, self.passed = at, 0

    async def reached(self, someone: Between) -> None:
        self.passed += 1
        if self.passed == self.at:
            await someone.hang_up()


@pytest.fixture
async def someone(postgres_url: str) -> AsyncIterator[Between]:
    """Somebody between us and the session's database."""
    async with between(postgres_url) as someone:
        yield someone


@pytest.fixture
def failpoint(someone: Between, monkeypatch: pytest.MonkeyPatch) -> Failpoint:
    """A failpoint at every statement of every session; it is not armed yet."""
    failpoint = Failpoint()

    def guarded(send: Any) -> Any:
        async def guarded_send(self: Session, *arguments: Any) -> Any:
            await failpoint.reached(someone)
            return await send(self, *arguments)

        return guarded_send

    for name in ("all", "_execute"):
        monkeypatch.setattr(Session, name, guarded(getattr(Session, name)))
    return failpoint


async def a_scene(chat: Chat) -> Scene:
    dialog = (await chat.dialogs.create(a_new_dialog(ANN, BO, scopes=[PLANNERS]))).id
    first = await chat.messages.send(ANN, dialog, Draft("one", key="k"))
    reply = await chat.messages.send(BO, dialog, Draft("two", first.id))
    last = await chat.messages.send(ANN, dialog, Draft("three", files=(await uploaded(chat, dialog),)))
    upload = await uploaded(chat, dialog)
    await chat.inbox.archive(dialog, BO)
    return Scene(dialog, first.id, reply.id, last.id, upload)


async def everything(store: PostgresStore) -> dict[str, list[dict[str, Any]]]:
    return {
        table: await query(store, f"select cast(t as text) as row from {table} t order by 1") for table in TABLES
    }


def told_by(ports: Ports) -> list[object]:
    told: list[object] = []
    ports.broker.listen(told.append)
    return told


@EVERY_ACTION
async def test_hung_up_on_at_any_statement_an_action_is_whole_or_nothing_g21(
    postgres_ports: Ports, postgres_store: PostgresStore, someone: Between, failpoint: Failpoint, action: Action
) -> None:
    chat = Chat.over(postgres_ports)
    async with postgres.open(someone.url, pool_size=1) as store:
        ports = evolve(memory.ports(), **store.ports(), storage=postgres_ports.storage)
        troubled, told = Chat.over(ports), told_by(ports)
        scene = await a_scene(chat)
        failpoint.arm(0)
        await action(troubled, scene)
        statements, complete, failed = failpoint.passed, len(told), 0

        for at in range(1, statements + 1):
            scene = await a_scene(chat)
            before = await everything(postgres_store)
            told.clear()
            failpoint.arm(at)
            try:
                await action(troubled, scene)
            except ServiceUnavailable:
                failed += 1
                failpoint.arm(0)
                await settled(postgres_store)
                assert await everything(postgres_store) == before, f"statement {at} of {statements}"
                assert told == [], f"statement {at} of {statements}"
            else:
                failpoint.arm(0)
                assert len(told) == complete, f"statement {at} of {statements}"

        # Only what is sure to have done nothing yet may go through all the same: a first statement, and
        # before a file is sent, the look for its place.
        assert failed >= statements - (2 if action is ACTIONS["send a file"] else 1)
    chat.realtime.close()


async def settled(store: PostgresStore) -> None:
    """Return once the server has noticed every hang-up."""
    busy = """
        select count(*) as people from pg_stat_activity
        where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()
    """
    while (await query(store, busy))[0]["people"]:
        pass


@EVERY_ACTION
async def test_refused_by_any_table_an_action_leaves_nothing_behind_g21(
    postgres_ports: Ports, postgres_store: PostgresStore, action: Action
) -> None:
    chat, told = Chat.over(postgres_ports), told_by(postgres_ports)
    await query(
        postgres_store,
        """
        create or replace function full_disk() returns trigger language plpgsql as $$
        begin raise exception 'no room' using errcode = '53100'; end $$
        """,
    )
    refused = 0

    for table in TABLES:
        scene = await a_scene(chat)
        before = await everything(postgres_store)
        told.clear()
        trigger = f"no_room after insert or update or delete on {table} for each row"
        await query(postgres_store, f"create trigger {trigger} execute function full_disk()")
        try:
            await action(chat, scene)
        except ServiceUnavailable:
            refused += 1
            assert await everything(postgres_store) == before, table
            assert told == [], table
        finally:
            await query(postgres_store, f"drop trigger no_room on {table}")

    assert refused or action is ACTIONS["send what was sent before"]
    await query(postgres_store, "drop function full_disk")
    chat.realtime.close()
