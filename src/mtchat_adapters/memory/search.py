"""Finding what was said in this process."""

from collections.abc import Iterator

from attrs import frozen

from mtchat_adapters.memory.store import Room, Store
from mtchat_core.domain.ids import UserId
from mtchat_core.domain.messages import Message
from mtchat_core.domain.scopes import UserScope, hides_from_lists
from mtchat_core.domain.search import Found, Hit, Search, Snippet, search_text


@frozen
class MemorySearch:
    """MessageSearch over the committed rooms: everything is searched at once."""

    store: Store

    async def find(self, reader: UserId, scopes: UserScope | None, search: Search) -> Found | None:
        """Return the newest hits."""
        rooms = [room for room in self._rooms(search) if reader in room.people]
        if search.dialog is not None and not rooms:
            return None
        shown = [room for room in rooms if search.dialog is not None or not hides_from_lists(room.access, scopes)]
        found = [one for room in shown for one in _matching(room, search)]
        found.sort(key=lambda one: one[1].id, reverse=True)
        hits = tuple(_hit(*one, search.wanted) for one in found[: search.limit])
        return Found(hits, upto=found[search.limit][1].id if len(found) > search.limit else None)

    def _rooms(self, search: Search) -> list[Room]:
        if search.dialog is None:
            return list(self.store.rooms.values())
        room = self.store.rooms.get(search.dialog)
        return [room] if room else []


def _matching(room: Room, search: Search) -> Iterator[tuple[Room, Message, UserId]]:
    for message in room.messages.values():
        is_in_place = search.upto is None or message.id <= search.upto
        if is_in_place and message.sender_id is not None and search.wanted in search_text(message.content):
            yield room, message, message.sender_id


def _hit(room: Room, message: Message, sender: UserId, wanted: str) -> Hit:
    return Hit(
        dialog_id=message.dialog_id,
        message_id=message.id,
        seq=message.seq,
        sender_id=sender,
        sender_name=message.sender_name or "",
        sent_at=message.sent_at,
        snippet=Snippet.of(message.content, wanted),
        title=room.dialog.about.title,
        object=room.dialog.object,
    )
