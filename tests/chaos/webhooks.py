"""Whether the host was told what happened: what came to the webhook receiver, held against the log."""

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import Any

from attrs import Factory, define, frozen

from tests.chaos.final import Final, Logged
from tests.chaos.history import History, Post, canaries
from tests.chaos.retold import Retold

NEW, JOINED, LEFT, PENDING = "message.new", "participant.joined", "participant.left", "notification.pending"
HELD_ATTEMPTS = 3
"""An event that failed so often does not hold those after it any more."""
CLOCK_SECONDS = 0.1


@define
class Told:
    """What there is to object to, as sentences."""

    doubled: list[str] = Factory(list[str])
    disordered: list[str] = Factory(list[str])
    leaked: list[str] = Factory(list[str])
    untold: list[str] = Factory(list[str])
    mistold: list[str] = Factory(list[str])


@frozen
class _Key:
    """What one webhook is about: an event, and who is reminded, if it reminds anybody."""

    dialog: str
    seq: int
    type: str
    recipient: str | None = None

    def __str__(self) -> str:
        return f"{self.type} {self.seq} of {self.dialog}" + (f" for {self.recipient}" if self.recipient else "")


@frozen
class _Telling:
    """One attempt, as it reads."""

    key: _Key
    post: Post
    message: str | None
    content: str | None
    user: str | None
    unread: int | None


def judge_webhooks(history: History, final: Final) -> Told:
    """Hold what came to the receiver against the database; without a receiver there is nothing to judge."""
    told = Told()
    if not history.webhook_secret:
        return told
    tellings: list[_Telling] = []
    for post in history.posts:
        if (telling := _read(post)) is None:
            told.mistold.append(f"a webhook that can't be read: {post.event} {post.id}")
        else:
            tellings.append(telling)
    told.mistold += _unsigned(history)
    told.mistold += _invented(tellings, final)
    told.mistold += _wrong_reminders(history, final)
    told.doubled += _changed(tellings)
    told.disordered += _overtaken(tellings, history, final)
    told.leaked += _leaked(tellings, history)
    told.untold += _untold(tellings, final)
    told.untold += _not_reminded(history, final)
    return told


def _read(post: Post) -> _Telling | None:
    """Return what a webhook says, if it says it as promised."""
    try:
        body: Any = json.loads(post.body)
        payload: Any = body["payload"]
        message: Any = payload.get("message", {})
        if (body["id"], body["type"]) != (post.id, post.event) or not isinstance(payload["seq"], int):
            return None
        return _Telling(
            _Key(payload["dialog_id"], payload["seq"], post.event, payload.get("recipient_id")),
            post,
            message.get("id"),
            message.get("content"),
            payload.get("user_id"),
            payload.get("unread_count"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _unsigned(history: History) -> Iterator[str]:
    for post in history.posts:
        digest = hmac.new(history.webhook_secret.encode(), post.body, hashlib.sha256).hexdigest()
        if post.signature != f"sha256={digest}":
            yield f"{post.event} {post.id} is not signed by us"


def _row(final: Final, key: _Key) -> Logged | None:
    log = final.log.get(key.dialog, [])
    row = log[key.seq - 1] if 0 < key.seq <= len(log) else None
    return row if row and row.type == key.type else None


def _is_for_the_host(row: Logged, final: Final) -> bool:
    """Tell whether the host is told of it: what people did through the chat."""
    if row.type == NEW:
        kept = final.messages.get(row.message or "") or final.deleted.get(row.message or "")
        return row.origin == "chat" and kept is not None and kept.sender is not None
    return row.type in (JOINED, LEFT) and row.origin == "chat"


def _invented(tellings: list[_Telling], final: Final) -> Iterator[str]:
    """What the log does not have, or has otherwise."""
    for telling in tellings:
        key, row = telling.key, _row(final, telling.key)
        if row is None:
            yield f"{key}, which the log has not"
        elif key.type == PENDING:
            if row.reminded.get(key.recipient or "") != telling.unread or telling.message != row.message:
                yield f"{key} about {telling.message} with {telling.unread} unread, which the log has otherwise"
        elif not _is_for_the_host(row, final):
            yield f"{key}, which is not for the host"
        elif (telling.message, telling.user) != (row.message, row.user):
            yield f"{key}, about another message or person"
        kept = final.messages.get(telling.message or "")
        if kept and telling.content not in [*final.wordings.get(kept.id, []), kept.content]:
            yield f"{key}, with a text that nobody said: {telling.content}"


def _changed(tellings: list[_Telling]) -> Iterator[str]:
    """One event under two ids, one id with two bodies."""
    ids, bodies = defaultdict[_Key, set[str]](set), defaultdict[str, set[bytes]](set)
    for telling in tellings:
        ids[telling.key].add(telling.post.id)
        bodies[telling.post.id].add(telling.post.body)
    for key, known in ids.items():
        if len(known) > 1:
            yield f"{key} came as {len(known)} webhooks"
    for id_, texts in bodies.items():
        if len(texts) > 1:
            yield f"webhook {id_} came with {len(texts)} bodies"


def _leaked(tellings: list[_Telling], history: History) -> Iterator[str]:
    for telling in tellings:
        for name in canaries(telling.post.body.decode(errors="replace")):
            if history.names[name] != telling.key.dialog:
                yield f"a text of {history.names[name]} in the webhook {telling.key}"


def _due(final: Final) -> dict[str, list[_Key]]:
    """Return what the host has to be told, by dialog and in order, reminders aside."""
    return {
        dialog: [
            _Key(dialog, row.seq, row.type)
            for row in log
            if _is_for_the_host(row, final) and row.message not in final.deleted
        ]
        for dialog, log in final.log.items()
    }


def _untold(tellings: list[_Telling], final: Final) -> Iterator[str]:
    taken = {telling.key for telling in tellings if telling.post.is_taken}
    for keys in _due(final).values():
        yield from (f"{key} did not reach the host" for key in keys if key not in taken)
    for dialog, log in final.log.items():
        for row in log:
            for user in row.reminded:
                key = _Key(dialog, row.seq, PENDING, user)
                if key not in taken and not _is_stale(row, user, log, final):
                    yield f"{key} did not reach the host"


def _is_stale(reminder: Logged, user: str, log: list[Logged], final: Final) -> bool:
    """Tell whether something happened after a reminder that makes it pointless."""
    if reminder.message in final.deleted:
        return True
    for row in log[reminder.seq :]:
        if row.type in ("message.read", LEFT) and row.user == user:
            return True
        if row.type == "dialog.muted" and user in row.people:
            return True
        kept = final.messages.get(row.message or "") or final.deleted.get(row.message or "")
        if row.type == NEW and kept is not None and kept.sender == user:
            return True
    return False


# Order


def _overtaken(tellings: list[_Telling], history: History, final: Final) -> Iterator[str]:
    """First attempts in a dialog by `seq`: each after those before it were taken, or had failed three times."""
    by_dialog = defaultdict[str, list[_Telling]](list)
    for telling in tellings:
        by_dialog[telling.key.dialog].append(telling)
    due = _due(final)
    for dialog, attempts in by_dialog.items():
        tried, unsettled = defaultdict[_Key, int](int), dict.fromkeys(due.get(dialog, []))
        for telling in sorted(attempts, key=lambda one: one.post.at):
            key = telling.key
            for earlier in [] if key in tried else _before(key, unsettled):
                if not _was_away(history, _row(final, earlier), telling.post):
                    yield (
                        f"{key} overtook {earlier}, which had been tried {tried[earlier]} times; "
                        f"the service says: {_attempts(final, key)}, and of the other: {_attempts(final, earlier)}"
                    )
                del unsettled[earlier]
            tried[key] += 1
            if telling.post.is_taken or tried[key] >= HELD_ATTEMPTS:
                unsettled.pop(key, None)


def _attempts(final: Final, key: _Key) -> str:
    return "; ".join(final.attempts.get((key.dialog, key.seq, key.type), ["nothing"]))


def _before(key: _Key, unsettled: Iterable[_Key]) -> list[_Key]:
    """Return those of the *unsettled*, which are in order, that come before it."""
    return list(takewhile(lambda one: one.seq < key.seq, unsettled))


def _was_away(history: History, earlier: Logged | None, post: Post) -> bool:
    """Tell whether attempts may have failed unseen: the receiver was not there meanwhile."""
    since = earlier.at if earlier is not None else 0.0
    return any(began <= post.at and since <= ended for began, ended in history.absences)


# Reminders


def _wrong_reminders(history: History, final: Final) -> Iterator[str]:
    """Too early, twice for the same, or of what is not so at that place in the log."""
    for dialog, log in final.log.items():
        retold, known = Retold(final, dialog), dict[str, set[str]]()
        for row in log:
            retold.tell(row)
            if row.type == LEFT:
                known.pop(row.user or "", None)
            for user, count in row.reminded.items():
                unread = retold.unread.get(user)
                if unread is None or user in retold.muted:
                    yield f"{user} was reminded in {dialog} at {row.seq}, and is out or does not want it"
                    continue
                if len(unread) != count:
                    yield f"{user} was reminded of {count} in {dialog} at {row.seq}, and has {len(unread)} unread"
                if early := _early_by(row, unread - known.get(user, set()), history, final):
                    yield f"{user} was reminded in {dialog} at {row.seq}: {early}"
                known[user] = set(unread)


def _early_by(reminder: Logged, missed: set[str], history: History, final: Final) -> str | None:
    """Say how a reminder of what somebody *missed* since the last one is too early, if it is."""
    if not missed:
        return "nothing is unread that they had not been reminded of"
    if history.reminds_after is None or missed - final.messages.keys():
        return None  # what was deleted later leaves no time behind
    sent = [at.timestamp() for id_ in missed if (at := final.messages[id_].sent_at) is not None]
    delay, at_most = history.reminds_after
    early = min(max(sent) + delay, min(sent) + at_most) - reminder.at
    return f"{early:.1f} s too early" if early > CLOCK_SECONDS else None


def _not_reminded(history: History, final: Final) -> Iterator[str]:
    """Who has not read the last words, and was not reminded of them."""
    if history.reminds_after is not None:
        for dialog in final.log:
            yield from (f"{user} was not reminded in {dialog}" for user in unreminded(final, dialog))


def unreminded(final: Final, dialog: str) -> list[str]:
    """Return who has something unread that was said after their last reminder."""
    waiting = dict[str, set[str]]()
    retold = Retold(final, dialog)
    for row in final.log.get(dialog, []):
        retold.tell(row)
        kept = final.messages.get(row.message or "")
        if row.type == NEW and kept is not None and kept.sender is not None:
            for user, unread in retold.unread.items():
                if kept.id in unread:
                    waiting.setdefault(user, set()).add(kept.id)
        # Who leaves, or wants none for a while, is not reminded later of what was said until then.
        is_over: Iterable[str | None] = row.reminded
        if row.type in ("dialog.unmuted", LEFT):
            is_over = row.people or (row.user,)
        for one in is_over:
            waiting.pop(one or "", None)
    return [
        user
        for user, messages in waiting.items()
        if user not in retold.muted and messages & retold.unread.get(user, set())
    ]
