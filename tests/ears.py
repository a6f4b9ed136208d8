"""Ears: connections that remember what they were told."""

from attrs import define, field

from mtchat_core.domain.events import Recorded
from mtchat_core.domain.ids import DialogId, UserId
from mtchat_core.ports.realtime import Announcement


@define(eq=False)
class Ear:
    """A Sink that remembers what it was given."""

    user_id: UserId
    heard: list[Announcement] = field(factory=list[Announcement])
    gave_up: bool = False

    def deliver(self, announcement: Announcement) -> None:
        """Remember it."""
        self.heard.append(announcement)

    def give_up(self) -> None:
        """Remember that, too."""
        self.gave_up = True

    def events(self, dialog: DialogId | None = None) -> list[Recorded]:
        """Return what was logged, of one dialog or of all."""
        recorded = [one for one in self.heard if isinstance(one, Recorded)]
        return [one for one in recorded if dialog in (None, one.event.dialog_id)]

    def types(self) -> list[str]:
        """Return what sort of events they were."""
        return [one.event.type for one in self.events()]

    def seqs(self, dialog: DialogId | None = None) -> list[int]:
        """Return their numbers."""
        return [one.seq for one in self.events(dialog)]
