"""Every port again, in this process: `Chat.over(memory.ports())` is the whole chat.

For tests and for use inside another app. Nothing survives the process.
"""

from mtchat_adapters.memory.archiving import MemoryQuietDialogs
from mtchat_adapters.memory.attachments import MemoryAttachments, MemoryFileWork, MemoryUploads
from mtchat_adapters.memory.dialogs import MemoryDirectory
from mtchat_adapters.memory.events import MemoryEventLog
from mtchat_adapters.memory.inbox import MemoryInbox
from mtchat_adapters.memory.jobs import MemoryJobQueue
from mtchat_adapters.memory.keys import MemoryOldKeys
from mtchat_adapters.memory.messages import MemoryMessageLog, MemoryTranscript
from mtchat_adapters.memory.pictures import MemoryThumbnailer
from mtchat_adapters.memory.presence import MemoryPresence
from mtchat_adapters.memory.realtime import MemoryBroker
from mtchat_adapters.memory.receipts import MemoryReceipts
from mtchat_adapters.memory.reminders import MemoryDueReminders
from mtchat_adapters.memory.scanning import MemoryScanner
from mtchat_adapters.memory.schedules import MemorySchedules
from mtchat_adapters.memory.search import MemorySearch
from mtchat_adapters.memory.storage import MemoryStorage
from mtchat_adapters.memory.store import Store
from mtchat_adapters.memory.unit_of_work import MemoryUnitsOfWork
from mtchat_adapters.memory.webhooks import MemoryWebhooks, MemoryWebhookStore
from mtchat_adapters.nh3.markup import Nh3Sanitizer
from mtchat_adapters.system.clock import SystemClock
from mtchat_adapters.system.ids import SystemIds
from mtchat_core.chat import Ports
from mtchat_core.domain.notifications import Debounce
from mtchat_core.ports.clock import Clock
from mtchat_core.ports.ids import IdSource
from mtchat_core.ports.markup import Sanitizer


def ports(
    *,
    clock: Clock | None = None,
    ids: IdSource | None = None,
    sanitizer: Sanitizer | None = None,
    debounce: Debounce | None = None,
) -> Ports:
    """Return every port, in memory; what is not given is the machine's clock, its ids and nh3."""
    clock, ids = clock or SystemClock(), ids or SystemIds()
    store = Store(clock, ids)
    return Ports(
        units=MemoryUnitsOfWork(store),
        log=MemoryMessageLog(store, debounce or Debounce()),
        transcript=MemoryTranscript(store),
        inbox=MemoryInbox(store),
        directory=MemoryDirectory(store),
        receipts=MemoryReceipts(store),
        search=MemorySearch(store),
        events=MemoryEventLog(store),
        broker=MemoryBroker(),
        presence=MemoryPresence(clock),
        jobs=MemoryJobQueue(),
        reminders=MemoryDueReminders(store),
        quiet=MemoryQuietDialogs(store),
        schedules=MemorySchedules(clock),
        old_keys=MemoryOldKeys(store),
        webhooks=MemoryWebhookStore(store),
        sender=MemoryWebhooks(),
        uploads=MemoryUploads(store),
        attachments=MemoryAttachments(store),
        file_work=MemoryFileWork(store),
        thumbnailer=MemoryThumbnailer(),
        scanner=MemoryScanner(),
        storage=MemoryStorage(clock),
        sanitizer=sanitizer or Nh3Sanitizer(),
        clock=clock,
        ids=ids,
    )
