"""The host application's door: everything needs the admin token."""

from mtchat_app.http.management import dialogs, events, messages, participants, scopes, webhooks

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
    webhooks.create_webhook,
    webhooks.list_webhooks,
    webhooks.get_webhook,
    webhooks.change_webhook,
    webhooks.delete_webhook,
    webhooks.resume_webhook,
    webhooks.replay_dead,
    webhooks.list_deliveries,
    webhooks.get_delivery,
    webhooks.replay_delivery,
)
