"""What monitoring asks for: counts, sizes and times in the text form of Prometheus."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

from attrs import field, frozen
from litestar import Request, Response, get
from litestar.datastructures import State
from prometheus_client import (
    CollectorRegistry,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NONE = "none"

disable_created_metrics()  # type: ignore[no-untyped-call]


@frozen
class Reading:
    """One number, as it is at the moment of asking; what only ever rises ends in `_total`."""

    name: str
    help: str
    value: float
    labels: Mapping[str, str] = field(factory=dict[str, str])


Read = Callable[[], Awaitable[Iterable[Reading]]]


async def nothing() -> Iterable[Reading]:
    """Read nothing."""
    return ()


class Metrics:
    """What this process measures by itself, told together with what is read when somebody asks."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._requests = Histogram(
            "mtchat_request_seconds",
            "Time to answer, by route; sends are POST /api/v1/dialogs/{dialog_id}/messages.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._known: dict[tuple[str, str, int], Histogram] = {}

    def answered(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one request."""
        # Only what we know becomes a label: callers may send any method to any address.
        key = (method if method in _METHODS else _NONE, route or _NONE, status)
        if (known := self._known.get(key)) is None:
            known = self._known[key] = self._requests.labels(key[0], key[1], str(status))
        known.observe(seconds)

    def text(self, readings: Iterable[Reading]) -> bytes:
        """Return everything in the text form."""
        told = CollectorRegistry()
        told.register(_Once(readings))
        return generate_latest(self._registry) + generate_latest(told)


class _Once:
    """Readings as a collector of the library's."""

    def __init__(self, readings: Iterable[Reading]) -> None:
        self._readings = tuple(readings)

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Return the readings by name."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._readings:
            labels = sorted(reading.labels)
            if (family := families.get(reading.name)) is None:
                kind = CounterMetricFamily if reading.name.endswith("_total") else GaugeMetricFamily
                family = families[reading.name] = kind(reading.name, reading.help, labels=labels)
            family.add_metric([reading.labels[label] for label in labels], reading.value)
        return families.values()


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[None, None, State]) -> Response[bytes]:
    """Tell what was measured."""
    state = request.app.state
    text: bytes = state.metrics.text(await state.readings())
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
