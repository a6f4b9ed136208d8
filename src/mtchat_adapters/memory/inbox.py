"""Dialog lists in this process."""

from collections.abc import Callable, Iterable

from attrs import frozen

from mtchat_adapters.memory.store import Room, Store
from mtchat_core.domain import inbox as rules
from mtchat_core.domain.dialogs import ObjectRef
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.domain.inbox import Entry, Listing, People, Position, Query, Seen
from mtchat_core.domain.scopes import UserScope, any_admits, hides_from_lists


def _place(entry: Entry) -> tuple[object, ...]:
    place = Position.of(entry)
    return (place.is_pinned, place.active_at, place.id)


def _creation(entry: Entry) -> tuple[object, ...]:
    return (entry.dialog.created_at, entry.dialog.id)


@frozen
class MemoryInbox:
    """Inbox over the committed rooms."""

    store: Store

    async def participating(self, reader: UserId, scopes: UserScope | None, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader takes part in."""
        return _page(self._entries(reader, scopes, lambda room: _listed(room, reader, scopes, query)), query)

    async def available(self, reader: UserId, scopes: UserScope, query: Query) -> tuple[Entry, ...]:
        """Return dialogs the reader could join."""
        return _page(self._entries(reader, scopes, lambda room: _open(room, reader, scopes, query)), query)

    async def of_object(
        self,
        reader: UserId,
        scopes: UserScope | None,
        about: ObjectRef,
        listing: Listing | None,
        query: Query,
    ) -> tuple[Entry, ...]:
        """Return the object's dialogs, newest created first."""

        def wanted(room: Room) -> bool:
            mine = listing is not Listing.AVAILABLE and _listed(room, reader, scopes, query)
            joinable = listing is not Listing.PARTICIPATING and _open(room, reader, scopes, query)
            return room.dialog.object == about and (mine or joinable)

        return tuple(sorted(self._entries(reader, scopes, wanted), key=_creation, reverse=True))

    async def newest_of(self, reader: UserId, scopes: UserScope | None, about: ObjectRef) -> Entry | None:
        """Return the newest created of the object's dialogs that the reader can open."""
        found = await self.of_object(reader, scopes, about, None, Query())
        return found[0] if found else None

    async def entry(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> Entry | None:
        """Return one dialog as the reader sees it."""
        room = self.store.rooms.get(dialog)
        return room.seen_by(reader, scopes) if room else None

    async def people(self, reader: UserId, scopes: UserScope | None, dialog: DialogId) -> People | None:
        """Return everybody in the dialog."""
        room = self.store.rooms.get(dialog)
        if room is None:
            return None
        seen = tuple(
            Seen(
                dialog_id=dialog,
                user_id=person.user_id,
                profile=person.profile,
                joined_as=person.joined_as,
                joined_at=person.joined_at,
                last_read_message_id=person.mark.message_id,
                standing=room.standing(person),
            )
            for person in room.in_order()
        )
        return People(is_participant=reader in room.people, admitted=any_admits(room.access, scopes), seen=seen)

    async def dialogs_of(self, reader: UserId) -> tuple[tuple[DialogId, int], ...]:
        """Return the reader's dialogs, each with the seq of its last event."""
        rooms = self.store.rooms.values()
        return tuple((room.dialog.id, room.dialog.tally.event_seq) for room in rooms if reader in room.people)

    def _entries(
        self, reader: UserId, scopes: UserScope | None, wanted: Callable[[Room], bool]
    ) -> Iterable[Entry]:
        return (room.seen_by(reader, scopes) for room in self.store.rooms.values() if wanted(room))


def _listed(room: Room, reader: UserId, scopes: UserScope | None, query: Query) -> bool:
    me = room.people.get(reader)
    return (
        me is not None
        and query.archived in (None, me.is_archived)
        and not hides_from_lists(room.access, scopes)
        and _found(room, query)
    )


def _open(room: Room, reader: UserId, scopes: UserScope | None, query: Query) -> bool:
    return reader not in room.people and any_admits(room.access, scopes) and _found(room, query)


def _found(room: Room, query: Query) -> bool:
    companies = [person.profile.company for person in room.people.values()]
    return rules.matches(query.search, title=room.dialog.about.title, companies=companies)


def _page(entries: Iterable[Entry], query: Query) -> tuple[Entry, ...]:
    ordered = sorted(entries, key=_place, reverse=True)
    if query.after is not None:
        after = (query.after.is_pinned, query.after.active_at, query.after.id)
        ordered = [entry for entry in ordered if _place(entry) < after]
    return tuple(ordered[query.offset : query.offset + query.limit])
