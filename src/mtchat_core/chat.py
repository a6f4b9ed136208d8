"""The whole chat as one value: every use case, over whatever fulfils the ports."""

from datetime import timedelta

from attrs import field, frozen

from mtchat_core.domain.archiving import Silence
from mtchat_core.domain.notifications import Debounce
from mtchat_core.domain.presence import Discretion
from mtchat_core.ports.archiving import QuietDialogs
from mtchat_core.ports.attachments import Attachments, FileWork, Uploads
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.dialogs import Directory
from mtchat_core.ports.events import EventLog
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.inbox import Inbox as InboxPort
from mtchat_core.ports.jobs import JobQueue
from mtchat_core.ports.keys import OldKeys
from mtchat_core.ports.markup import Sanitizer
from mtchat_core.ports.messages import MessageLog, Transcript
from mtchat_core.ports.pictures import Thumbnailer
from mtchat_core.ports.presence import PresenceTracker
from mtchat_core.ports.realtime import RealtimeBroker
from mtchat_core.ports.receipts import Receipts as ReceiptsPort
from mtchat_core.ports.reminders import DueReminders
from mtchat_core.ports.scanning import FileScanner
from mtchat_core.ports.schedules import Schedules
from mtchat_core.ports.search import MessageSearch
from mtchat_core.ports.storage import ObjectStorage
from mtchat_core.ports.unit_of_work import UnitsOfWork
from mtchat_core.ports.webhooks import WebhookSender, WebhookStore
from mtchat_core.use_cases.announcing import Announcer
from mtchat_core.use_cases.archiving import Archiving
from mtchat_core.use_cases.dialogs import Dialogs
from mtchat_core.use_cases.events import Events
from mtchat_core.use_cases.files import Files, FileTerms, Links
from mtchat_core.use_cases.following import Follower
from mtchat_core.use_cases.inbox import Inbox
from mtchat_core.use_cases.inspection import Inspection
from mtchat_core.use_cases.messages import Messages
from mtchat_core.use_cases.notifications import Notifications
from mtchat_core.use_cases.participants import Participants
from mtchat_core.use_cases.presence import Presence
from mtchat_core.use_cases.realtime import Realtime
from mtchat_core.use_cases.receipts import Receipts
from mtchat_core.use_cases.retention import Retention
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
    reminders: DueReminders
    quiet: QuietDialogs
    schedules: Schedules
    old_keys: OldKeys
    webhooks: WebhookStore
    sender: WebhookSender
    uploads: Uploads
    attachments: Attachments
    file_work: FileWork
    thumbnailer: Thumbnailer
    scanner: FileScanner
    storage: ObjectStorage | None
    sanitizer: Sanitizer
    clock: Clock
    ids: IdSource


@frozen
class Habits:
    """What the chat does by itself, and when."""

    debounce: Debounce = field(factory=Debounce)
    tells_cancelled: bool = False
    silence: Silence = field(factory=Silence)
    discretion: Discretion = field(factory=Discretion)
    keep_events: timedelta = timedelta(days=7)
    webhooks: Terms = field(factory=Terms)
    files: FileTerms = field(factory=FileTerms)


@frozen
class Chat:
    """Every use case of the chat."""

    dialogs: Dialogs
    participants: Participants
    inbox: Inbox
    messages: Messages
    files: Files
    receipts: Receipts
    search: Searches
    presence: Presence
    events: Events
    realtime: Realtime
    follower: Follower
    webhooks: Webhooks
    notifications: Notifications
    archiving: Archiving
    inspection: Inspection
    retention: Retention
    ports: Ports

    @classmethod
    def over(cls, ports: Ports, habits: Habits | None = None) -> "Chat":
        """Build the chat over *ports*, with the usual *habits* unless others are given."""
        habits = habits or Habits()
        announce = Announcer(ports.broker, ports.jobs)
        transaction = Transaction(ports.units, announce)
        realtime = Realtime(ports.broker, ports.inbox, ports.events, habits.discretion)
        files = Files(
            ports.uploads,
            ports.attachments,
            ports.storage,
            Links(ports.storage, ports.clock, habits.files.download_ttl),
            ports.clock,
            ports.ids,
            habits.files,
        )
        webhooks = Webhooks(ports.webhooks, ports.sender, ports.jobs, ports.clock, ports.ids, habits.webhooks)
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
                files,
                ports.clock,
                ports.ids,
            ),
            files=files,
            receipts=Receipts(transaction, ports.receipts, habits.tells_cancelled),
            search=Searches(ports.search),
            presence=Presence(ports.presence, ports.broker, ports.inbox, realtime, habits.discretion),
            events=Events(ports.events),
            realtime=realtime,
            follower=Follower(ports.events, realtime),
            webhooks=webhooks,
            notifications=Notifications(transaction, ports.reminders, habits.debounce, habits.tells_cancelled),
            archiving=Archiving(transaction, ports.quiet, habits.silence),
            inspection=Inspection(
                transaction,
                ports.file_work,
                ports.storage,
                ports.thumbnailer,
                ports.scanner,
                ports.clock,
                habits.files,
            ),
            retention=Retention(
                ports.events,
                ports.old_keys,
                webhooks,
                ports.file_work,
                ports.storage,
                habits.keep_events,
                habits.files.keep_unsent,
            ),
            ports=ports,
        )
