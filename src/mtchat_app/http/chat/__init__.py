"""A person's door: everything is asked by somebody, and answered as they may see it."""

from mtchat_app.http.chat import events, inbox, messages, participants, receipts, search

ROUTES = (
    inbox.list_dialogs,
    inbox.no_object,
    inbox.newest_of_object,
    inbox.dialogs_of_object,
    inbox.get_dialog,
    inbox.archive,
    inbox.unarchive,
    inbox.pin,
    inbox.unpin,
    inbox.switch_notifications,
    participants.join,
    participants.leave,
    participants.list_participants,
    receipts.mark_read,
    receipts.unread,
    messages.list_messages,
    messages.send_message,
    messages.get_message,
    messages.get_history,
    messages.edit_message,
    messages.delete_message,
    search.search_messages,
    events.list_events,
)
