"""What a send costs at least: one plain statement, by pgbench and through asyncpg alone.

The statement does what every send has to do (docs/adr/0002-one-hot-path-for-send.md) and nothing
more: no idempotency key, no reply, no archives. Ids are random, so the dialogs' own are left alone.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from bench.processes import PATIENCE_SECONDS, run
from bench.stage import CONTENT, IN_DIALOG, SCHEMA, Database
from mtchat_adapters.embedded.binaries import find_binaries
from mtchat_core.domain.search import search_text

_SEND = """
with numbered as (
  update dialogs set last_seq = last_seq + 1, event_seq = event_seq + 1, user_messages = user_messages + 1,
    last_message_id = {message}, last_message_at = clock_timestamp(), active_at = clock_timestamp(),
    reminder_since = coalesce(reminder_since, clock_timestamp()),
    reminder_due = clock_timestamp() + interval '30 s'
  where id = {dialog} and exists (select from participants where dialog_id = {dialog} and user_id = {sender})
  returning id, last_seq, event_seq, user_messages, last_message_id, last_message_at
),
marked as (
  update participants p set read_seq = numbered.last_seq, read_counted = numbered.user_messages,
    last_read_message_id = numbered.last_message_id
  from numbered where p.dialog_id = numbered.id and p.user_id = {sender}
),
kept as (
  insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, search_text, sent_at)
  select id, last_message_id, last_seq, {sender}, {sender}, 'user', {content}, {searched}, last_message_at
  from numbered
),
logged as (
  insert into events (dialog_id, seq, id, type, at, message_id, facts)
  select id, event_seq, gen_random_uuid(), 'message.sent', last_message_at, last_message_id,
    '{{"origin": "chat"}}' from numbered
)
select last_seq, last_message_at from numbered
"""
_DIALOG = "cast('018f0000-0000-7000-8000-' || lpad(to_hex(cast(:dialog as int)), 12, '0') as uuid)"


async def pgbench(database: Database, choose: str, *, clients: int, seconds: float) -> float:
    """Return how many sends pgbench makes per second; *choose* sets `dialog` and `sender`, both numbers."""
    statement = _SEND.format(
        message="gen_random_uuid()",
        dialog=_DIALOG,
        sender="cast('p' || :sender as text)",
        content=f"'{CONTENT}'",
        searched=f"'{search_text(CONTENT)}'",
    )
    script = f"{choose}\n{' '.join(statement.split())};\n"
    said = await run(
        find_binaries().program("pgbench"),
        "--no-vacuum",
        "--protocol=prepared",
        f"--client={clients}",
        "--jobs=2",
        f"--time={max(1, round(seconds))}",
        "--file=-",
        database.dsn,
        seconds=seconds + PATIENCE_SECONDS,
        say=script,
        environment={"PGOPTIONS": f"-c search_path={SCHEMA}"},
    )
    rate = re.search(r"tps = ([\d.]+)", said)
    if rate is None or "number of failed transactions: 0 " not in said:
        raise RuntimeError(f"pgbench failed:\n{said}")
    return float(rate[1])


def choose_any(database: Database, first: int, count: int) -> str:
    """Return pgbench's choice of any dialog numbered from *first*, and any of its senders."""
    return (
        f"\\set dialog random({first}, {first + count - 1})\n"
        f"\\set place random(0, {IN_DIALOG - 1})\n"
        f"\\set sender (:dialog + :place * {database.step}) % {database.sizes.senders}"
    )


def choose_one(dialog: int) -> str:
    """Return pgbench's choice of one dialog; each client is somebody else in it."""
    return f"\\set dialog {dialog}\n\\set sender :client_id"


async def statement(connection: Any, dialog: object, sender: str) -> Callable[[], Awaitable[object]]:
    """Return the same statement, prepared on *connection*, ready to send one message."""
    sql = _SEND.format(
        message="$1::uuid", dialog="$2::uuid", sender="$3::text", content="$4::text", searched="$5::text"
    )
    prepared = await connection.prepare(sql)
    searched = search_text(CONTENT)

    async def send() -> object:
        return await prepared.fetch(uuid4(), dialog, sender, CONTENT, searched)

    return send
