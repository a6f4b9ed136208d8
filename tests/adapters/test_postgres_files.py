"""Files in PostgreSQL: what leads to them, and whoever deletes them."""

import asyncio
from collections.abc import Sequence

import sqlalchemy as sa
from attrs import evolve

from mtchat_adapters import memory, postgres
from mtchat_adapters.postgres import PostgresStore, attachments, rows
from mtchat_adapters.postgres.session import Statement, statement
from mtchat_core.chat import Ports
from tests.adapters.watching import query
from tests.builders import ANN, a_sent_file, an_outgoing, an_upload, open_dialog, send_files

MANY = 5_000
_FILL = """
    with filled as (
      insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, sent_at, file_count)
      select d.id, gen_random_uuid(), 100 + n, 'user-' || n % 50, 'N', 'user', '', now(), 1
      from dialogs d, generate_series(1, cast(:many as integer)) n
      returning dialog_id, id, sender_id, seq
    )
    insert into attachments (dialog_id, id, message_id, user_id, key, filename, content_type, kind, size_bytes,
      etag, state, sent_at, look_due)
    select dialog_id, gen_random_uuid(), id, sender_id, id::text, 'a', '',
      (array['document', 'image', 'video', 'audio', 'archive'])[1 + seq % 5], 1, 'e', 'available', now(),
      case when seq % 100 = 0 then now() end
    from filled
"""
_FILL_UPLOADS = """
    insert into uploads (key, id, dialog_id, user_id, filename, content_type, size_bytes, created_at, link_until)
    select n::text, gen_random_uuid(), gen_random_uuid(), 'user-' || n % 50, 'a', '', 1,
      now() - n * interval '1 minute', now()
    from generate_series(1, cast(:many as integer)) n
"""
_FILL_LEFTOVERS = """
    insert into storage_leftovers (key, due_at)
    select n::text, now() - n * interval '1 minute' from generate_series(1, cast(:many as integer)) n
"""
_OF_A_PERSON = statement("""
    select size_bytes from attachments where user_id = :user
    union all select size_bytes from uploads where user_id = :user
""")
_MESSAGES = statement(f"select {rows.MESSAGE} from messages m where m.dialog_id = :dialog order by m.id limit 50")


async def plan_of(store: PostgresStore, asked: Statement) -> str:
    """Return how a statement is done once it is prepared for any values."""
    async with store.pool.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await raw.execute("set plan_cache_mode = force_generic_plan")
        await raw.execute(f"prepare wanted as {asked.sql}")
        values = ", ".join(["null"] * len(asked.names))
        lines: Sequence[Sequence[str]] = await raw.fetch(f"explain execute wanted({values})")
        await raw.execute("deallocate wanted")
        await raw.execute("reset plan_cache_mode")
    return "\n".join(line[0] for line in lines)


async def test_however_many_files_there_are_each_question_has_its_index(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    for _ in range(2):
        await open_dialog(postgres_ports, ANN)
    for fill in (_FILL, _FILL_UPLOADS, _FILL_LEFTOVERS):
        await query(postgres_store, fill, many=MANY)
    for table in ("messages", "attachments", "uploads", "storage_leftovers"):
        await query(postgres_store, f"analyze {table}")

    for asked, indices in {
        attachments._PAGE: ["attachments_pkey"],
        attachments._PAGE_OF_KIND: ["attachments_by_kind"],
        attachments._GET: ["attachments_by_id"],
        attachments._TAKE: ["attachments_due"],
        attachments._POSTPONE: ["attachments_by_id"],
        attachments._LEFTOVERS: ["uploads_by_age", "storage_leftovers_due"],
        attachments._FIND: ["uploads_pkey"],
        _OF_A_PERSON: ["attachments_by_user", "uploads_by_user"],
        _MESSAGES: ["attachments_by_message"],
    }.items():
        plan = await plan_of(postgres_store, asked)
        assert "Seq Scan on attachments" not in plan, asked.sql
        assert "Seq Scan on uploads" not in plan, asked.sql
        assert [index for index in indices if index not in plan] == [], f"{asked.sql}\n{plan}"


async def test_whoever_deletes_a_message_its_files_are_left_to_be_deleted(
    postgres_ports: Ports, postgres_store: PostgresStore
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    sent = [await send_files(postgres_ports, dialog, an_upload(dialog)) for _ in range(2)]

    async with postgres_store.pool.engine.connect() as connection:
        await connection.execute(sa.text("set local search_path = public"))
        await connection.execute(sa.text("delete from mtchat.messages where id = :id"), {"id": sent[0].id})
        await connection.execute(sa.text("delete from mtchat.dialogs where id = :id"), {"id": dialog})
        await connection.commit()

    left = await query(postgres_store, "select key from storage_leftovers")
    assert {row["key"] for row in left} == {message.attachments[0].key for message in sent}


async def test_of_two_nodes_that_send_the_same_file_at_once_one_wins_b54(
    postgres_ports: Ports, postgres_store: PostgresStore, postgres_url: str
) -> None:
    dialog = await open_dialog(postgres_ports, ANN)
    async with postgres.open(postgres_url, pool_size=2) as one, postgres.open(postgres_url, pool_size=2) as other:
        nodes = [evolve(memory.ports(), **store.ports()) for store in (one, other)]
        for _ in range(20):
            upload = an_upload(dialog)
            await postgres_ports.uploads.reserve(upload, quota_bytes=None)
            outcomes = await asyncio.gather(
                *(node.log.append(an_outgoing(dialog, files=[a_sent_file(upload)])) for node in nodes),
                return_exceptions=True,
            )
            assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Posted", "UploadUnknown"]

    kept = await query(postgres_store, "select count(*) as count from attachments")
    assert kept == [{"count": 20}]
