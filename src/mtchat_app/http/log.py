"""One stream of log lines, as JSON or for people, whoever writes them.

Lines never hold a token, a query string, a header or a text somebody wrote; what callers chose
(ids, paths) is escaped, so that it stays inside its line.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import msgspec
import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_TALKATIVE = ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "httpcore", "websockets", "asyncio")
"""Loggers that write addresses with their query, and so tokens, into lines of level info."""


def configure(level: Literal["debug", "info", "warning", "error"], look: Literal["json", "console"]) -> None:
    """Send our own lines and everybody else's to standard error from here on.

    *look* is `json` (one object per line) or `console` (for eyes).
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            *_renderers(look),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Forward()], level=_LEVELS[level], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))


def _renderers(look: str) -> list[Any]:
    if look == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    # The default shows the variables of every frame, and with them secrets and texts.
    plain = structlog.dev.plain_traceback
    return [
        _one_line,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), repr_native_str=True, exception_formatter=plain),
    ]


def _one_line(_logger: object, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event = str(line["event"])
    if not event.isprintable():
        line["event"] = "".join(c if c.isprintable() else repr(c)[1:-1] for c in event)
    return line


def _json(line: object, **_: object) -> str:
    return msgspec.json.encode(line, enc_hook=repr).decode()


class _Forward(logging.Handler):
    """The standard library's lines, in our stream and shape."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            structlog.get_logger().log(
                record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info or None
            )
        except Exception:
            self.handleError(record)
