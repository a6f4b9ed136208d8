"""The log told once more, by models of its own: who was in when, and what each of them has not read."""

from bisect import bisect_right
from collections import defaultdict
from typing import Any

from attrs import evolve, frozen

from tests.chaos.final import Final, Logged

_PERSONAL = (
    "dialog.archived",
    "dialog.unarchived",
    "dialog.pinned",
    "dialog.unpinned",
    "dialog.muted",
    "dialog.unmuted",
)
_TO_THE_HOST = ("notification.pending", "notification.cancelled")


@frozen
class Tenure:
    """A stretch of the log during which somebody was in a dialog."""

    came: int
    came_at: float
    left: int | None = None
    left_at: float | None = None


class Tenures:
    """Who was in which dialog, and when, by the log."""

    def __init__(self, final: Final) -> None:
        self._found = defaultdict[tuple[str, str], list[Tenure]](list)
        for dialog, log in final.log.items():
            for row in log:
                known = self._found[dialog, row.user or ""]
                if row.type == "participant.joined":
                    known.append(Tenure(row.seq, row.at))
                elif row.type == "participant.left" and known:
                    known[-1] = evolve(known[-1], left=row.seq, left_at=row.at)

    def of(self, dialog: str, user: str) -> list[Tenure]:
        """Return a person's stays, first to last."""
        return self._found.get((dialog, user), [])

    def concern(self, row: Logged, dialog: str, user: str) -> bool:
        """Tell whether an event was for a person to hear."""
        if row.type in _TO_THE_HOST:
            return False
        if row.type in _PERSONAL:
            return user in row.people
        known = self.of(dialog, user)
        at = bisect_right(known, row.seq, key=lambda one: one.came) - 1
        left = known[at].left if at >= 0 else 0
        return left is None or row.seq <= left


class Retold:
    """A dialog told from its log: who is in, and which messages each of them has not read."""

    def __init__(self, final: Final, dialog: str) -> None:
        self._known = {kept.id: kept for kept in final.all_messages(dialog)}
        self._there: set[str] = set()
        self._last: Logged | None = None
        self.unread: dict[str, set[str]] = {}
        self.archived: set[str] = set()
        self.muted: set[str] = set()

    def tell(self, row: Logged) -> None:
        """Take in one event."""
        tell: Any = getattr(self, "_" + row.type.replace(".", "_"), None)
        if tell is not None:
            tell(row)
        self._last = row

    def _message_new(self, row: Logged) -> None:
        if (kept := self._known.get(row.message or "")) is None:
            return  # `_numbers` objects to that
        self._there.add(kept.id)
        if (sender := kept.sender) is None:
            return
        for user, unread in self.unread.items():
            if user == sender:
                unread.clear()
            else:
                unread.add(kept.id)

    def _message_deleted(self, row: Logged) -> None:
        self._there.discard(row.message or "")
        for unread in self.unread.values():
            unread.discard(row.message or "")

    def _message_read(self, row: Logged) -> None:
        read = self._known.get(row.message or "")
        if read is None or row.user not in self.unread:
            return
        self.unread[row.user] = {
            id_
            for id_ in self._there
            if self._known[id_].seq > read.seq and self._known[id_].sender not in (None, row.user)
        }

    def _participant_joined(self, row: Logged) -> None:
        # Who joins finds the history unread, but not the line that says so; who is added, nothing.
        line = self._last.message if self._last else None
        self.unread[row.user or ""] = self._there - {line or ""} if row.joined_as == "joined" else set()

    def _participant_left(self, row: Logged) -> None:
        self.unread.pop(row.user or "", None)
        self.archived.discard(row.user or "")
        self.muted.discard(row.user or "")

    def _dialog_archived(self, row: Logged) -> None:
        self.archived |= row.people

    def _dialog_unarchived(self, row: Logged) -> None:
        self.archived -= row.people

    def _dialog_muted(self, row: Logged) -> None:
        self.muted |= row.people

    def _dialog_unmuted(self, row: Logged) -> None:
        self.muted -= row.people
