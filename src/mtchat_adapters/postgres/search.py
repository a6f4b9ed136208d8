"""Finding what was said in PostgreSQL: one statement, whose work is bounded (docs/adr/0007-search.md)."""

import re
from uuid import UUID

from attrs import frozen

from mtchat_adapters.postgres import rows
from mtchat_adapters.postgres.inbox import SHOWN, caller
from mtchat_adapters.postgres.session import Row, Statement, Trips, statement
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.scopes import UserScope
from mtchat_core.domain.search import Found, Hit, Search, Snippet

_TOO_MANY = 4


@frozen
class Budget:
    """How much work one answer is worth."""

    messages: int = 5_000
    """Messages looked at one by one."""
    share: int = 1_000
    """Messages of one dialog that are within the budget in any case, so that a deep one can't use it up."""
    named: int = 5_000
    """Messages, everybody's, that the index may name before it is given up."""
    pages: int = 50
    """Pages of messages, everybody's, looked at to see whether the index would lead to too many."""
    percent: float = 0.03
    """At least so much of everybody's messages is looked at for it: an index of more leads to more."""


def _search(mine: str) -> Statement:
    """Return a statement that searches the dialogs *mine*.

    Who has little to search has it looked at, all of it. Who has much asks the index of trigrams,
    which knows everybody's messages; when it names too many, or is of no use, messages are looked
    at from the newest on until the budget is spent, and the next page goes on from there. The plan
    is the same whatever is searched for: it is kept from knowing the pattern.
    """
    return statement(f"""
        with mine as materialized ({mine}),
        heads as materialized (
          -- The newest message of each dialog, from where we are, and how many there are at most.
          select id, last_message_id as message_id, last_seq as seq from mine where last_message_id <= :upto
          union all
          select mine.id, head.id, head.seq from mine cross join lateral (
            select m.id, m.seq from messages m where m.dialog_id = mine.id and m.id <= :upto
            order by m.id desc limit 1
          ) head
          where mine.last_message_id > :upto
        ),
        plan as materialized (
          select sum(seq) > cast(:budget as bigint) as is_large,
            case when sum(seq) > :budget then greatest(cast(:share as bigint), :budget / count(*))
              else :budget + 1 end as share
          from heads
        ),
        sampled as materialized (
          -- Four in some thousand messages have all the trigrams: the index would lead to too many.
          select m.id from messages m
          tablesample system ((
            select least(100, greatest(cast(:percent as real),
              100.0 * :pages * cast(current_setting('block_size') as bigint) / pg_relation_size('messages')))
            where pg_relation_size('messages') > 0))
          where (select is_large from plan) and m.search_text like all (cast(:trigrams as text[]))
          limit {_TOO_MANY}
        ),
        asked as materialized (
          select is_large and (select count(*) from sampled) < {_TOO_MANY}
            and cast(:wanted as text) ~ '[[:alnum:]]{{3}}' and (:wanted ~ '^[ -~]*$' or 'я' ~ '[[:alpha:]]')
            and exists (
              select from pg_index where indexrelid = to_regclass('messages_search') and indisvalid) as is_asked
          from plan
        ),
        named as materialized (
          select m.dialog_id, m.id from messages m
          where (select is_asked from asked) and m.search_text like (select cast(:pattern as text))
          limit (select cast(:named as bigint) + 1)
        ),
        index as materialized (
          select is_asked and (select count(*) from named) <= :named as knows from asked
        ),
        spent as materialized (
          select heads.id, message_id, share,
            coalesce(sum(cast(least(seq, share) as integer)) over (
              order by message_id desc rows between unbounded preceding and 1 preceding), 0) as before
          from heads, plan
          where not (select knows from index)
        ),
        reach as materialized (
          select message_id from spent where before >= :budget order by message_id desc limit 1
        ),
        looked_at as materialized (
          select spent.id as dialog_id, m.id, m.is_hit, m.number = share as is_last
          from spent cross join lateral (
            select m.id, m.search_text like (select cast(:pattern as text)) as is_hit,
              row_number() over (order by m.id desc) as number
            from messages m
            where m.dialog_id = spent.id and m.id <= :upto
              and m.id > coalesce((select message_id from reach), :first)
            order by m.id desc limit spent.share
          ) m
          where before < :budget
        ),
        horizon as materialized (
          select message_id from (
            select message_id from reach
            union all select id from looked_at where is_last
          ) unread order by message_id desc limit 1
        ),
        found as materialized (
          select dialog_id, id from looked_at
          where is_hit and id > coalesce((select message_id from horizon), :first)
          union all
          select named.dialog_id, named.id from named join mine on mine.id = named.dialog_id
          where (select knows from index) and named.id <= :upto
          order by id desc limit cast(:limit as bigint) + 1
        )
        select is_in, (select message_id from horizon) as horizon, hit.*
        from (select exists (select from mine) as is_in) reader left join (
          select m.dialog_id, m.id, m.seq, m.sender_id, m.sender_name, m.sent_at, m.content,
            d.title, d.object_type, d.object_id
          from found
          join messages m on m.dialog_id = found.dialog_id and m.id = found.id
          join dialogs d on d.id = found.dialog_id
        ) hit on true
        order by hit.id desc
    """)  # noqa: S608 - built from our own constants


_EVERYWHERE = _search(f"""
    select d.id, d.last_message_id, d.last_seq from participants me join dialogs d on d.id = me.dialog_id
    where me.user_id = :reader and {SHOWN}
""")  # noqa: S608 - built from our own constants
_IN_ONE = _search("""
    select d.id, d.last_message_id, d.last_seq from participants me join dialogs d on d.id = me.dialog_id
    where me.user_id = :reader and me.dialog_id = :dialog
""")

_FIRST_ID = UUID(int=0)
_WORD = re.compile(r"[^\W_]{3,}")


@frozen
class PostgresSearch:
    """MessageSearch: one statement."""

    trips: Trips
    budget: Budget = Budget()

    async def find(self, reader: UserId, scopes: UserScope | None, search: Search) -> Found | None:
        """Return the newest hits."""
        values = {
            **caller(reader, scopes),
            "wanted": search.wanted,
            "pattern": rows.containing(search.wanted),
            "dialog": search.dialog,
            "upto": search.upto or rows.LAST_ID,
            "first": _FIRST_ID,
            "limit": search.limit,
            "budget": self.budget.messages,
            "share": self.budget.share,
            "named": self.budget.named,
            "pages": self.budget.pages,
            "percent": self.budget.percent,
            "trigrams": _trigrams(search.wanted),
        }
        found = await self.trips.all(_EVERYWHERE if search.dialog is None else _IN_ONE, values)
        if search.dialog is not None and not found[0]["is_in"]:
            return None
        hits = [row for row in found if row["id"] is not None]
        shown = tuple(_hit(row, search.wanted) for row in hits[: search.limit])
        return Found(shown, upto=hits[search.limit]["id"] if len(hits) > search.limit else found[0]["horizon"])


def _trigrams(wanted: str) -> list[str]:
    """Return the patterns of all that the index goes by: three letters or digits beside each other."""
    words = _WORD.findall(wanted)
    return sorted({rows.containing(word[at : at + 3]) for word in words for at in range(len(word) - 2)})


def _hit(row: Row, wanted: str) -> Hit:
    return Hit(
        dialog_id=row["dialog_id"],
        message_id=row["id"],
        seq=row["seq"],
        sender_id=row["sender_id"],
        sender_name=row["sender_name"],
        sent_at=row["sent_at"],
        snippet=Snippet.of(row["content"], wanted),
        title=row["title"],
        object=ObjectRef(type=row["object_type"], id=row["object_id"]),
    )
