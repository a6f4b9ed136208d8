"""Decides whether what was promised was kept: histories and the final database in, violations out."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from attrs import Factory, define

from tests.chaos.final import Final, Kept, Logged
from tests.chaos.history import Call, Connection, Frame, History, Resumed, canaries
from tests.chaos.retold import Retold, Tenures
from tests.chaos.webhooks import judge_webhooks

COMMIT_SECONDS = 10.0
"""How long after its `at` a change whose answer was lost may still have been committed."""

GAP_SECONDS = 2.0
"""How far a cursor may be behind what its connection heard, and a replay behind its greeting."""

_WITH_A_TEXT = ("message.new", "message.edited")


@define
class Verdict:
    """Every violation, as a sentence, by the promise that it breaks."""

    lost: list[str] = Factory(list[str])
    """Acknowledged, and not in the database."""
    doubled: list[str] = Factory(list[str])
    """Asked for once, and there twice."""
    disordered: list[str] = Factory(list[str])
    """Numbers, ids, times or the order of what somebody read disagree."""
    leaked: list[str] = Factory(list[str])
    """Seen by somebody who was not in."""
    missed: list[str] = Factory(list[str])
    """A silent hole in what a socket heard."""
    miscounted: list[str] = Factory(list[str])
    """Unread counts, members or archives that differ from what the log says."""
    kept_anyway: list[str] = Factory(list[str])
    """Refused, and in the database all the same."""
    untold: list[str] = Factory(list[str])
    """Something happened, and the webhook receiver never got it."""
    mistold: list[str] = Factory(list[str])
    """The webhook receiver got what is not so, or not signed by us, or too early."""
    failed: list[str] = Factory(list[str])
    """A 5xx other than 503."""

    def violations(self) -> list[str]:
        """Return them all."""
        named = ((name, getattr(self, name)) for name in type(self).__annotations__)
        return [f"{name}: {sentence}" for name, sentences in named for sentence in sentences]


def judge(history: History, final: Final) -> Verdict:
    """Hold everything that was recorded against the database."""
    webhooks = judge_webhooks(history, final)
    return Verdict(
        lost=list(_lost(history, final)),
        doubled=[*_doubled(history, final), *webhooks.doubled],
        disordered=[
            *_numbers(final),
            *_pages(history, final),
            *_real_time(history),
            *_heard_order(history),
            *webhooks.disordered,
        ],
        leaked=[
            *_leaked_answers(history, final),
            *_leaked_frames(history, final),
            *_leaked_logs(history),
            *webhooks.leaked,
        ],
        missed=list(_missed(history, final)),
        untold=webhooks.untold,
        mistold=webhooks.mistold,
        miscounted=list(_miscounted(final)),
        kept_anyway=list(_kept_anyway(history, final)),
        failed=[
            f"{call.action} was answered with {status}"
            for call in history.calls
            for status in call.statuses
            if status >= 500 and status != 503
        ],
    )


# Acknowledged is kept, once; refused is not


def _lost(history: History, final: Final) -> Iterator[str]:
    """What was answered with success and is not there."""
    deletable = {call.target for call in history.calls if call.action == "delete"}
    tenures = Tenures(final)
    for call in history.calls:
        if not call.is_acknowledged:
            continue
        if call.action == "send":
            message, gone = final.messages.get(call.answer["id"]), final.deleted.get(call.answer["id"])
            is_kept = message is not None and message.dialog == call.dialog
            if gone is None and not (message and is_kept and call.content in _wordings(final, message)):
                yield f"a message in {call.dialog}: {call.content}"
            if gone is not None and gone.id not in deletable:
                yield f"a message in {call.dialog} that nobody deleted: {call.content}"
        elif call.action == "edit" and call.target in final.messages:
            if call.content not in _wordings(final, final.messages[call.target]):
                yield f"an edit in {call.dialog}: {call.content}"
        elif call.action == "delete" and call.target in final.messages:
            yield f"a deletion in {call.dialog}: {call.target}"
        elif call.action == "read":
            standing = final.people.get((call.dialog, call.by))
            read = final.messages.get(call.target or "") or final.deleted.get(call.target or "")
            last = tenures.of(call.dialog, call.by)[-1:]
            is_the_same = bool(last) and last[0].came_at < call.began
            if standing and read and is_the_same and standing.read_seq < read.seq:
                yield f"a read mark of {call.by} in {call.dialog} at {read.seq}"
        elif call.action in ("join", "leave") and not _is_logged(call, tenures):
            yield f"a {call.action} of {call.by} in {call.dialog}"


def _is_logged(call: Call, tenures: "Tenures") -> bool:
    """Whether the log has the joining or leaving, at the time it was asked for."""
    known = tenures.of(call.dialog, call.by)
    times = [one.came_at if call.action == "join" else one.left_at for one in known]
    return any(at is not None and call.began <= at <= call.ended for at in times)


def _wordings(final: Final, message: Kept) -> list[str | None]:
    return [*final.wordings.get(message.id, []), message.content]


def _doubled(history: History, final: Final) -> Iterator[str]:
    """What was said once and is there twice: by key, by text, by the answers, or in the log."""
    everything = [*final.messages.values(), *final.deleted.values()]
    keys = Counter((kept.dialog, kept.sender, kept.key) for kept in everything if kept.key is not None)
    for (dialog, sender, key), times in keys.items():
        if times > 1:
            yield f"key {key} of {sender} made {times} messages in {dialog}"
    firsts = Counter((kept.dialog, _wordings(final, kept)[0]) for kept in final.messages.values() if kept.sender)
    for (dialog, text), times in firsts.items():
        if times > 1:
            yield f"{text} is there {times} times in {dialog}"
    answers = defaultdict[tuple[str, str, str], set[str]](set)
    for call in history.calls:
        if call.action == "send" and call.is_acknowledged and call.key is not None:
            answers[call.dialog, call.by, call.key].add(call.answer["id"])
    for (dialog, by, key), ids in answers.items():
        if len(ids) > 1:
            yield f"key {key} of {by} was answered with {len(ids)} messages in {dialog}"
    for dialog, log in final.log.items():
        told = Counter(row.message for row in log if row.type == "message.new")
        for message, times in told.items():
            if times > 1:
                yield f"message {message} was announced {times} times in {dialog}"


def _kept_anyway(history: History, final: Final) -> Iterator[str]:
    """What was refused and nothing but refused, and is there all the same."""
    kept = {text for message in final.messages.values() for text in _wordings(final, message)}
    done = defaultdict[str | None, int](int)
    for call in history.calls:
        if call.content is not None and not call.is_refused:
            done[call.content] += 1
    for call in history.calls:
        if call.is_refused and call.content is not None and not done[call.content] and call.content in kept:
            yield f"{call.action} of {call.by} in {call.dialog}, answered {call.statuses}: {call.content}"


# Order


def _numbers(final: Final) -> Iterator[str]:
    """Numbers without gaps; ids, times and numbers rise together."""
    for dialog, (last_seq, event_seq) in final.numbers.items():
        messages = final.all_messages(dialog)
        if [kept.seq for kept in messages] != list(range(1, last_seq + 1)):
            yield f"the messages of {dialog} are not numbered 1 to {last_seq}"
        if any(later.id <= earlier.id for earlier, later in pairwise(messages)):
            yield f"ids of {dialog} do not rise with seq"
        times = [kept.sent_at for kept in messages if kept.sent_at is not None]
        if any(later < earlier for earlier, later in pairwise(times)):
            yield f"times of {dialog} do not rise with seq"
        log = final.log.get(dialog, [])
        if [row.seq for row in log] != list(range(1, event_seq + 1)):
            yield f"the events of {dialog} are not numbered 1 to {event_seq}"
        if any(later.xid < earlier.xid for earlier, later in pairwise(log)):
            yield f"the transactions of {dialog} do not rise with the events' numbers"
        told = [row.message for row in log if row.type == "message.new"]
        if told != [kept.id for kept in messages]:
            yield f"the log of {dialog} does not tell of each of its messages, in order"
        gone = {kept.id for kept in final.deleted.values() if kept.dialog == dialog}
        if {row.message for row in log if row.type == "message.deleted"} != gone:
            yield f"the log of {dialog} does not tell of each deletion"


def _pages(history: History, final: Final) -> Iterator[str]:
    """Pages that were read: in order, whole, and as new as what had been answered before."""
    seqs = {kept.id: kept.seq for kept in [*final.messages.values(), *final.deleted.values()]}
    gone = {(kept.dialog, kept.seq) for kept in final.deleted.values()}
    unsafe = {call.target for call in history.calls if call.action == "delete"}
    answered = sorted(
        (
            call
            for call in history.calls
            if call.action == "send" and call.is_acknowledged and call.answer["id"] not in unsafe
        ),
        key=lambda call: call.ended,
    )
    newest, at = defaultdict[str, int](int), 0
    for call in sorted(history.calls, key=lambda call: call.began):
        while at < len(answered) and answered[at].ended < call.began:
            sent = answered[at]
            newest[sent.dialog] = max(newest[sent.dialog], sent.answer["seq"])
            at += 1
        if call.action != "page" or not call.is_acknowledged:
            continue
        page = call.answer
        shown = [message["seq"] for message in page]
        if any(later["id"] <= earlier["id"] for earlier, later in pairwise(page)) or sorted(set(shown)) != shown:
            yield f"a page of {call.dialog} is out of order: {shown}"
        if any(later["sent_at"] < earlier["sent_at"] for earlier, later in pairwise(page)):
            yield f"a page of {call.dialog} goes back in time"
        if any(seqs.get(message["id"], message["seq"]) != message["seq"] for message in page):
            yield f"a message of {call.dialog} changed its number"
        if any(message["id"] not in seqs for message in page):
            yield f"a page of {call.dialog} showed a message that is not there any more"
        missing = set(range(shown[0], shown[-1] + 1)) - set(shown) if shown else set[int]()
        if any((call.dialog, seq) not in gone for seq in missing):
            yield f"a page of {call.dialog} has a hole: {sorted(missing)}"
        if call.target is None and max(shown, default=0) < newest[call.dialog]:
            yield f"a page of {call.dialog} ended at {shown[-1:]}, after {newest[call.dialog]} had been answered"


def _real_time(history: History) -> Iterator[str]:
    """A send answered before another began has the lower number."""
    by_dialog = defaultdict[str, list[Call]](list)
    for call in history.calls:
        if call.action == "send" and call.is_acknowledged and len(call.statuses) == 1:
            by_dialog[call.dialog].append(call)
    for dialog, calls in by_dialog.items():
        first_answers: dict[str, Call] = {}
        for call in sorted(calls, key=lambda call: call.ended):
            first_answers.setdefault(call.answer["id"], call)
        ended = list(first_answers.values())
        highest, at = 0, 0
        for call in sorted(ended, key=lambda call: call.began):
            while at < len(ended) and ended[at].ended < call.began:
                highest = max(highest, ended[at].answer["seq"])
                at += 1
            # A key seen before answers with the number of the first time.
            if call.key is None and call.answer["seq"] < highest:
                yield f"{call.content} in {dialog} overtook {highest}, which had been answered before it began"


def _heard_order(history: History) -> Iterator[str]:
    """A socket hears each dialog's events by their number, once."""
    for connection in history.connections:
        last = defaultdict[str, int](int)
        for frame in connection.frames:
            if frame.seq <= last[frame.dialog]:
                yield f"{connection.by} heard {frame.seq} after {last[frame.dialog]} in {frame.dialog}"
            last[frame.dialog] = frame.seq


# Who knows what


def _leaked_answers(history: History, final: Final) -> Iterator[str]:
    """A text in an answer to somebody who was not in while the request ran."""
    departures = [call for call in history.calls if call.action in ("leave", "remove") and call.is_acknowledged]
    until: dict[tuple[str, str, float], float] = {}

    def left_by(dialog: str, user: str, left_at: float) -> float:
        """Return when the departure was certainly committed."""
        key = (dialog, user, left_at)
        if key not in until:
            until[key] = next(
                (
                    call.ended
                    for call in departures
                    if call.dialog == dialog
                    and (call.target or call.by) == user
                    and call.began <= left_at <= call.ended
                ),
                left_at + COMMIT_SECONDS,
            )
        return until[key]

    tenures = Tenures(final)
    for call in history.calls:
        for name in call.seen:
            dialog = history.names[name]
            if not any(
                one.came_at <= call.ended
                and (one.left_at is None or call.began <= left_by(dialog, call.by, one.left_at))
                for one in tenures.of(dialog, call.by)
            ):
                yield f"{call.by} saw a text of {dialog} in the answer to {call.action}"


def _leaked_frames(history: History, final: Final) -> Iterator[str]:
    """An event that reached somebody it does not concern."""
    tenures = Tenures(final)
    for connection in history.connections:
        for frame in connection.frames:
            log = final.log.get(frame.dialog, [])
            row = log[frame.seq - 1] if frame.seq <= len(log) else None
            if row is None or row.type != frame.type:
                yield f"{connection.by} heard {frame.type} {frame.seq}, which the log of {frame.dialog} has not"
            elif not tenures.concern(row, frame.dialog, connection.by):
                yield f"{connection.by} heard {row.type} {row.seq} of {frame.dialog} without being in"
            for name in frame.seen:
                if history.names[name] != frame.dialog:
                    yield f"{connection.by} heard a text of {history.names[name]} in {frame.dialog}"


def _leaked_logs(history: History) -> Iterator[str]:
    for name in canaries(history.logged):
        yield f"a text of {history.names[name]} stands in the log"


def _missed(history: History, final: Final) -> Iterator[str]:
    """An event that concerned somebody and did not reach them, though later ones did: a silent hole."""
    tenures = Tenures(final)
    went_on = {id(one.resumed.connection) for one in history.connections if one.resumed is not None}
    for connection in history.connections:
        if connection.lasted:
            for dialog in last_words_missed(connection, final):
                yield f"{connection.by} did not hear the last words in {dialog}"
        gaps = [] if connection.resumed is None else [_gap(connection, connection.resumed)]
        yield from _holes(connection.by, connection.greeted_at, gaps, connection.frames, tenures, final)
        if connection.resumed is not None and id(connection) not in went_on:
            yield from _chain_holes(connection, tenures, final)


def _gap(connection: Connection, resumed: Resumed) -> tuple[float, float]:
    """Return when somebody may have been away before a connection that went on from an earlier one."""
    return resumed.at - GAP_SECONDS, connection.greeted_at + GAP_SECONDS


def _chain_holes(connection: Connection, tenures: Tenures, final: Final) -> Iterator[str]:
    """Hold a connection, with all that it went on from, against the log as if it had been one."""
    frames, gaps = connection.frames, list[tuple[float, float]]()
    while (resumed := connection.resumed) is not None:
        gaps.append(_gap(connection, resumed))
        connection = resumed.connection
        frames = connection.frames + frames
    yield from _holes(connection.by, connection.greeted_at, gaps, frames, tenures, final)


def _holes(
    by: str,
    since: float,
    gaps: list[tuple[float, float]],
    frames: list[Frame],
    tenures: Tenures,
    final: Final,
) -> Iterator[str]:
    """Look for what somebody who listened *since* then, but for *gaps* that were filled later, did not hear."""
    heard = defaultdict[str, set[int]](set)
    for frame in frames:
        heard[frame.dialog].add(frame.seq)
    for dialog, seqs in heard.items():
        first, last = min(seqs), max(seqs)
        for row in final.log.get(dialog, [])[:last]:
            # Heard from its greeting on, or from the first event that reached it, whichever is earlier.
            is_due = row.seq > first or row.at > since
            was_withdrawn = row.type in _WITH_A_TEXT and row.message in final.deleted
            if not is_due or row.seq in seqs or was_withdrawn or not tenures.concern(row, dialog, by):
                continue
            if not _went_meanwhile(row, dialog, by, gaps, tenures):
                yield f"{by} did not hear {row.type} {row.seq} of {dialog}, but {last}"


def _went_meanwhile(row: Logged, dialog: str, by: str, gaps: list[tuple[float, float]], tenures: Tenures) -> bool:
    """Tell whether somebody was away when it happened, and that stay was over when they came back.

    Then they are told that they left, unless they are in again, and no more.
    """
    stays = tenures.of(dialog, by)
    left_at = next((one.left_at for one in stays if one.left and row.seq <= one.left), None)
    gap = next((gap for gap in gaps if left_at is not None and gap[0] <= row.at and left_at <= gap[1]), None)
    if gap is None or row.type != "participant.left" or row.user != by:
        return gap is not None
    return any(row.at <= one.came_at <= gap[1] for one in stays)


def last_words_missed(connection: Connection, final: Final) -> list[str]:
    """Return the dialogs of a person whose last message has not reached their connection."""
    heard = {(frame.dialog, frame.seq) for frame in connection.frames[-1000:]}
    mine = [dialog for dialog, user in final.people if user == connection.by]
    last = {dialog: max(row.seq for row in final.log[dialog] if row.type == "message.new") for dialog in mine}
    return [dialog for dialog, seq in last.items() if (dialog, seq) not in heard]


# Unread, members, archives: the log told once more, by a model of its own


def _miscounted(final: Final) -> Iterator[str]:
    for dialog in final.numbers:
        told = Retold(final, dialog)
        for row in final.log.get(dialog, []):
            told.tell(row)
        kept = {user: standing for (where, user), standing in final.people.items() if where == dialog}
        if kept.keys() != told.unread.keys():
            yield f"the people of {dialog} are not those its log tells of"
        for user in kept.keys() & told.unread.keys():
            numbers = {
                len(told.unread[user]),
                kept[user].unread,
                final.told.get((dialog, user), kept[user].unread),
            }
            if len(numbers) > 1:
                yield (
                    f"{user} has {len(told.unread[user])} unread in {dialog} by the log, {kept[user].unread} by "
                    f"the tables, {final.told.get((dialog, user))} by the answer"
                )
            if kept[user].is_archived != (user in told.archived):
                yield f"the archive of {user} and the log of {dialog} disagree"
