"""When a dialog has gone quiet, and for whom it is put away."""

from datetime import datetime, timedelta

from attrs import frozen

from mtchat_core.domain.dialogs import Dialog
from mtchat_core.domain.participants import Participant


@frozen
class Silence:
    """How long nothing happens before a dialog is put away; zero: it never is."""

    lasts: timedelta = timedelta(days=3)

    def is_over(self, dialog: Dialog, *, now: datetime) -> bool:
        """Tell whether the newest message, or else the creation, is that long ago."""
        return bool(self.lasts) and dialog.active_at <= now - self.lasts

    def puts_away(self, person: Participant, *, now: datetime) -> bool:
        """Tell whether a quiet dialog goes into the person's archive: not if they just took it out by hand."""
        taken_out = person.unarchived_at
        return not person.is_archived and (taken_out is None or taken_out <= now - self.lasts)
