"""How much is measured: the sizes of docs/performance.md, and small ones that prove the bench itself."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Counts and seconds of one run. Every measurement alternates with its floor for *rounds* rounds."""

    rounds: int
    seconds: float
    """Of each side, in each round."""
    warm_up: float
    senders: int
    dialogs: int
    in_one_dialog: int
    crowd: int
    """Participants of P3's dialogs."""
    lone: int
    """Sends of a lone sender, in each round."""
    rate: int
    """P11's messages per second."""
    sockets: int
    events: int
    """P9's events."""
    webhooks: int
    """P14's webhooks, in each round."""
    reads: int
    """Reads of each kind, in each round."""
    links: int
    """P18's links, in each round."""
    starts: int
    scale: float
    """Of the big database: 1 is 200,000 dialogs, 1 million participants, 5 million messages."""
    is_durable: bool


FULL = Sizes(
    rounds=3,
    seconds=6,
    warm_up=2,
    senders=64,
    dialogs=200,
    in_one_dialog=50,
    crowd=1000,
    lone=300,
    rate=300,
    sockets=2000,
    events=25,
    webhooks=3000,
    reads=100,
    links=5000,
    starts=5,
    scale=1,
    is_durable=True,
)
QUICK = Sizes(
    rounds=1,
    seconds=0.4,
    warm_up=0.1,
    senders=10,
    dialogs=10,
    in_one_dialog=5,
    crowd=50,
    lone=10,
    rate=100,
    sockets=50,
    events=3,
    webhooks=30,
    reads=5,
    links=50,
    starts=1,
    scale=0.002,
    is_durable=False,
)
