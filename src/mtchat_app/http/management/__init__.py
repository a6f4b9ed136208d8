"""The host application's door: everything needs the admin token."""

from mtchat_app.http.management import dialogs, events, messages, participants, scopes

ROUTES = (
    dialogs.create_dialog,
    dialogs.search_dialog,
    dialogs.list_dialogs,
    dialogs.get_dialog,
    dialogs.change_dialog,
    dialogs.delete_dialog,
    dialogs.explain_access,
    participants.add_participant,
    participants.add_participants,
    participants.remove_participant,
    scopes.replace_scopes,
    messages.post_message,
    events.list_all_events,
)
