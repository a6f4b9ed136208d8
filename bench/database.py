"""A database as large as a busy service's after years, made by the server itself in a few minutes.

Two thousand dialogs are alive at a time, so that the messages of one dialog lie among those of
others, as they do where people really talk; one deep dialog goes on from beginning to end.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]
from attrs import frozen

from mtchat_core.domain.ids import DialogId, MessageId, UserId
from mtchat_core.domain.scopes import UserScope

BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
ALIVE_AT_ONCE = 2_000
PEOPLE = 5
"""People per dialog, besides those of `Filled`."""
EVERY = {"счёт": 7, "the": 7, "накладная": 1_001, "waybill": 1_001, "рефрижератор": 100_003, "bulkhead": 100_003}
"""One message in how many holds the word, spread evenly over all dialogs; no other message does."""

_NOUNS = (
    "груз машина водитель склад заказ маршрут договор погрузка рейс документ окно паллета прицеп граница время"
    " order truck driver route dock pallet invoice window border trailer contract gate loading number morning"
)
_TAILS = "уже будет завтра вчера нужен готов стоит before after ready late today needs moves full"


@frozen
class Filled:
    """Who and what is in the database."""

    few: UserId
    """Takes part in 200 dialogs, spread over all the time."""
    many: UserId
    """Takes part in 10,000 dialogs, spread over all the time."""
    diver: UserId
    """Takes part in the deep dialog alone."""
    deep: DialogId
    """The dialog of a million messages."""
    deep_middle: MessageId
    """The message in the middle of the deep dialog."""
    deep_oldest: MessageId
    """The first message of the deep dialog."""
    scopes: UserScope
    """Admit to one dialog in a thousand."""
    words: Mapping[str, int]
    """Words in Cyrillic and Latin letters, by the number of messages that hold them."""
    dialogs: int
    messages: int


def message_id(number: int) -> MessageId:
    """Return the id of the message that was sent as the *number*th of all."""
    return MessageId(UUID(f"{_milliseconds() + number:012x}70008000{number:012x}"))


def dialog_id(number: int) -> DialogId:
    """Return the id of the *number*th dialog; the deep one is number 0."""
    return DialogId(UUID(f"{_milliseconds() + number:012x}70009000{number:012x}"))


async def fill(
    dsn: str,
    *,
    schema: str = "mtchat",
    dialogs: int = 200_000,
    messages: int = 5_000_000,
    deep: int = 1_000_000,
    few: int = 200,
    many: int = 10_000,
) -> Filled:
    """Fill a migrated, empty database, and return who and what is in it.

    *messages* counts those of the deep dialog too. *dialogs*, *messages* and *deep* should divide
    each other, and *dialogs* be a multiple of 2,000.
    """
    connection = await asyncpg.connect(
        dsn, server_settings={"search_path": schema, "timezone": "UTC", "jit": "off"}
    )
    try:
        numbers = _numbers(dialogs=dialogs, messages=messages, deep=deep, few=few, many=many)
        await connection.execute("set maintenance_work_mem = '512MB'")
        await connection.execute("set max_parallel_maintenance_workers = 0")
        async with connection.transaction():
            await connection.execute("set local synchronous_commit = off")
            taken_off = await _take_off(connection, schema)
            for statement in _STATEMENTS:
                await connection.execute(_written(statement, numbers))
            for definition in taken_off:
                await connection.execute(definition)
        # Rows are marked as seen, and statistics are there, as they are in a database that has lived.
        await connection.execute("vacuum (analyze)")
        with suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute("checkpoint")
    finally:
        await connection.close()
    stride = messages // deep
    return Filled(
        few=UserId("few"),
        many=UserId("many"),
        diver=UserId("diver"),
        deep=dialog_id(0),
        deep_middle=message_id(stride * (deep // 2)),
        deep_oldest=message_id(stride),
        scopes=UserScope((["org-7"], [], [])),
        words={word: (messages - _remainder(word)) // every + 1 for word, every in EVERY.items()},
        dialogs=dialogs + 1,
        messages=messages,
    )


async def _take_off(connection: Any, schema: str) -> list[str]:
    """Drop foreign keys and plain indexes, which are faster made at once; return how to make them again."""
    keys = await connection.fetch(
        """
        select conrelid::regclass::text as on_table, conname, pg_get_constraintdef(oid) as definition
        from pg_constraint where contype = 'f' and connamespace = $1::regnamespace
        """,
        schema,
    )
    indexes = await connection.fetch(
        """
        select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
        from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace = $1::regnamespace and not exists (
          select from pg_constraint where conindid = i.indexrelid)
        """,
        schema,
    )
    for key in keys:
        await connection.execute(f"alter table {key['on_table']} drop constraint {key['conname']}")
    for index in indexes:
        await connection.execute(f"drop index {index['name']}")
    again = [f"alter table {key['on_table']} add constraint {key['conname']} {key['definition']}" for key in keys]
    return [index["definition"] for index in indexes] + again


def _numbers(*, dialogs: int, messages: int, deep: int, few: int, many: int) -> dict[str, str]:
    """Return what the statements are written with."""
    alive = min(ALIVE_AT_ONCE, dialogs)
    per_dialog = (messages - deep) // dialogs
    nouns, tails = (f"'{{{words.replace(' ', ',')}}}'::text[]" for words in (_NOUNS, _TAILS))
    known = "".join(
        f"|| case when n % {EVERY[word]} = {_remainder(word)} then '{word} ' else '' end" for word in EVERY
    )
    return {
        "dialogs": str(dialogs),
        "messages": str(messages),
        "deep": str(deep),
        "few_every": str(max(1, dialogs // few)),
        "many_every": str(max(1, dialogs // many)),
        "stride": str(messages // deep),
        "alive": str(alive),
        "per": str(per_dialog),
        "block": str(alive * per_dialog),
        "nouns": nouns,
        "tails": tails,
        "known": known,
        "began": f"'{BEGAN.isoformat()}'::timestamptz",
        "began_ms": str(_milliseconds()),
        "people": str(PEOPLE),
    }


def _remainder(word: str) -> int:
    return 1 + list(EVERY).index(word) % 2


def _milliseconds() -> int:
    return int(BEGAN.timestamp() * 1000)


def _written(statement: str, numbers: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: numbers[found[1]], statement)


_ID = "(lpad(to_hex({began_ms} + %s), 12, '0') || '7000%s000' || lpad(to_hex(%s), 12, '0'))::uuid"


def _id(number: str, kind: str) -> str:
    return _ID % (number, kind, number)


_STATEMENTS = (
    # The numbers 0 to the last: dialog 0 is the deep one; the others come to life one block after the other.
    f"""
    insert into dialogs (id, object_type, object_id, title, search_text, created_by, created_at, active_at,
      last_seq, event_seq, user_messages, last_message_id, last_message_at, last_issued_id)
    select {_id("k", "9")}, 'order', 'order-' || k,
      case when k % 2 = 0 then 'Заказ ' else 'Order ' end || k,
      case when k % 2 = 0 then 'заказ ' else 'order ' end || k
        || (select string_agg(chr(10) || 'company ' || (k + n) % 5000, '') from generate_series(1, {{people}}) n)
        || case when k % {{few_every}} = 0 and k > 0 then chr(10) || 'freight few' else '' end
        || case when k % {{many_every}} = 0 and k > 0 then chr(10) || 'freight many' else '' end
        || case when k = 0 then chr(10) || 'deep sea' else '' end,
      'user-' || k, {{began}},
      {{began}} + last * interval '1 second', seq, seq, seq, {_id("last", "8")},
      {{began}} + last * interval '1 second', {_id("last", "8")}
    from (
      select k, case when k = 0 then {{deep}} else {{per}} end as seq,
        case when k = 0 then {{messages}} else
          -- the place among the others' messages, and then among all
          (select at + (at - 1) / ({{stride}} - 1) from (
            select ((k - 1) / {{alive}})::bigint * {{block}} + ({{per}} - 1) * {{alive}} + (k - 1) % {{alive}} + 1
              as at
          ) placed) end as last
      from generate_series(0, {{dialogs}}) k
    ) numbered
    """,
    f"""
    insert into participants (dialog_id, user_id, display_name, company, company_folded, joined_as, joined_at,
      read_seq, read_counted, is_archived, is_pinned)
    select {_id("k", "9")}, user_id, 'Name of ' || user_id, company, lower(company), 'participant', {{began}},
      seq - unread, seq - unread, (k + number) % 50 = 0, (k + number) % 211 = 0
    from generate_series(0, {{dialogs}}) k
    cross join lateral (
      select n as number, 'user-' || (k + n * 7919) % {{dialogs}} as user_id,
        'Company ' || (k + n) % 5000 as company
      from generate_series(1, {{people}}) n
      union all select 0, 'few', 'Freight Few' where k % {{few_every}} = 0 and k > 0
      union all select 0, 'many', 'Freight Many' where k % {{many_every}} = 0 and k > 0
      union all select 0, 'diver', 'Deep Sea' where k = 0
    ) people
    cross join lateral (
      select case when k = 0 then {{deep}} else {{per}} end as seq,
        case when k % 3 = 0 then k % 7 else 0 end as unread
    ) counted
    """,
    f"""
    insert into access_scopes (dialog_id, position, id, scope_level0, scope_level1, scope_level2, created_at)
    select {_id("k", "9")}, 0, gen_random_uuid(), array['org-' || k % 1000], '{{}}', '{{}}', {{began}}
    from generate_series(1, {{dialogs}}) k
    """.replace("'{}'", "array[]::text[]"),
    f"""
    insert into messages (dialog_id, id, seq, sender_id, sender_name, type, content, search_text, sent_at)
    select {_id("k", "9")}, {_id("n", "8")}, seq, 'user-' || (k + 7919) % {{dialogs}},
      'Name of user-' || (k + 7919) % {{dialogs}}, 'user', '<p>' || plain || '</p>',
      replace(plain, 'ё', 'е'), {{began}} + n * interval '1 second'
    from (
      select n,
        case when n % {{stride}} = 0 then 0 else at / {{block}} * {{alive}} + at % {{alive}} + 1 end as k,
        case when n % {{stride}} = 0 then n / {{stride}} else at % {{block}} / {{alive}} + 1 end as seq
      from (select n, n - n / {{stride}} - 1 as at from generate_series(1, {{messages}}) n) placed
    ) numbered
    cross join lateral (
      select ({{nouns}})[1 + n % 30] || ' ' || ({{tails}})[1 + n % 14] || ' ' || n || ' '
        {{known}} || ({{nouns}})[1 + n * 7 % 30] || ' ' || ({{tails}})[1 + n * 5 % 14] || ' '
        || ({{nouns}})[1 + n / 30 % 30] || ' ' || ({{nouns}})[1 + n * 11 / 7 % 30] || ' '
        || ({{tails}})[1 + n / 11 % 14] || ' ' || ({{nouns}})[1 + n / 900 % 30] as plain
    ) said
    """,
)
