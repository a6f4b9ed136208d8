"""The whole chat as one value: every use case, over whatever fulfils the ports."""

from attrs import frozen

from mtchat_core.ports.clock import Clock
from mtchat_core.ports.dialogs import Directory
from mtchat_core.ports.events import EventLog
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.inbox import Inbox as InboxPort
from mtchat_core.ports.jobs import JobQueue
from mtchat_core.ports.markup import Sanitizer
from mtchat_core.ports.messages import MessageLog, Transcript
from mtchat_core.ports.presence import PresenceTracker
from mtchat_core.ports.realtime import RealtimeBroker
from mtchat_core.ports.receipts import Receipts as ReceiptsPort
from mtchat_core.ports.search import MessageSearch
from mtchat_core.ports.unit_of_work import UnitsOfWork
from mtchat_core.ports.webhooks import WebhookSender, WebhookStore
from mtchat_core.use_cases.announcing import Announcer
from mtchat_core.use_cases.dialogs import Dialogs
from mtchat_core.use_cases.inbox import Inbox
from mtchat_core.use_cases.messages import Messages
from mtchat_core.use_cases.participants import Participants
from mtchat_core.use_cases.presence import Presence
from mtchat_core.use_cases.realtime import Realtime
from mtchat_core.use_cases.receipts import Receipts
from mtchat_core.use_cases.search import Searches
from mtchat_core.use_cases.transaction import Transaction
from mtchat_core.use_cases.webhooks import Terms, Webhooks


@frozen
class Ports:
    """Everything the chat needs from the world."""

    units: UnitsOfWork
    log: MessageLog
    transcript: Transcript
    inbox: InboxPort
    directory: Directory
    receipts: ReceiptsPort
    search: MessageSearch
    events: EventLog
    broker: RealtimeBroker
    presence: PresenceTracker
    jobs: JobQueue
    webhooks: WebhookStore
    sender: WebhookSender
    sanitizer: Sanitizer
    clock: Clock
    ids: IdSource


@frozen
class Chat:
    """Every use case of the chat."""

    dialogs: Dialogs
    participants: Participants
    inbox: Inbox
    messages: Messages
    receipts: Receipts
    search: Searches
    presence: Presence
    realtime: Realtime
    webhooks: Webhooks
    ports: Ports

    @classmethod
    def over(cls, ports: Ports, *, webhooks: Terms | None = None) -> "Chat":
        """Build the chat over *ports*; *webhooks* says how the host is told."""
        announce = Announcer(ports.broker, ports.jobs)
        transaction = Transaction(ports.units, announce)
        return cls(
            dialogs=Dialogs(transaction, ports.directory, ports.clock, ports.ids),
            participants=Participants(transaction, ports.inbox, ports.presence, ports.clock),
            inbox=Inbox(transaction, ports.inbox, ports.clock),
            messages=Messages(
                transaction,
                ports.log,
                ports.transcript,
                ports.inbox,
                ports.sanitizer,
                announce,
                ports.clock,
                ports.ids,
            ),
            receipts=Receipts(transaction, ports.receipts),
            search=Searches(ports.search),
            presence=Presence(ports.presence, ports.broker),
            realtime=Realtime(ports.broker, ports.inbox, ports.events),
            webhooks=Webhooks(ports.webhooks, ports.sender, ports.jobs, ports.clock, ports.ids, webhooks),
            ports=ports,
        )
