"""Everything one can set: read once from the environment, checked at once, described in one place.

Each field carries its variable, unit and help, so that the guide, `--help` and `doctor` say the same.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from attrs import NOTHING, Attribute, Factory, evolve, field, fields, frozen
from croniter import croniter  # type: ignore[import-untyped]

from mtchat_app import addresses
from mtchat_core.domain import webhooks

T = TypeVar("T")

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@*,]+")
_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CRON_FIELDS = 6
LEAST_RETENTION_SECS = 3600
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_UNUSED = re.compile(
    r"DATABASE_(MIN_CONNECTIONS|IDLE_TIMEOUT_SECS|MAX_LIFETIME_SECS)"
    r"|NOTIFICATION_CONCURRENCY|SENTRY_DSN|RUST_LOG"
)


class SettingsError(Exception):
    """The environment can't be used as it is; `problems` are sentences, each naming a variable."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@frozen
class Entry:
    """One variable as the guide shows it."""

    name: str
    help: str
    unit: str
    default: str


def _text(value: str) -> str:
    return value


def _yes_or_no(value: str) -> bool:
    if (word := _WORDS.get(value.lower())) is None:
        raise ValueError("must be true or false.")
    return word


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    limits = f"of {least} or more" if most is None else f"from {least} to {most}"

    def parse(value: str) -> int:
        if (
            not re.fullmatch(r"[0-9]{1,18}", value)
            or int(value) < least
            or (most is not None and int(value) > most)
        ):
            raise ValueError(f"must be a whole number {limits}.")
        return int(value)

    return parse


def _seconds(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", value):
        raise ValueError("must be a number of seconds, 0 or more.")
    return float(value)


def _seconds_within(most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        seconds = _seconds(value)
        if seconds > most:
            raise ValueError(f"must be {most:g} seconds or less.")
        return seconds

    return parse


def _one_of(*words: T) -> Callable[[str], T]:
    known = {str(word): word for word in words}

    def parse(value: str) -> T:
        if (word := known.get(value.lower())) is None:
            raise ValueError(f"must be one of: {', '.join(known)}.")
        return word

    return parse


def _list(value: str) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in value.split(",")) if part)


def _origins(value: str) -> tuple[str, ...]:
    origins = _list(value)
    if not origins or any(not _ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must list origins such as https://app.example.com, separated by commas, without a path.")
    return origins


def _origins_or_any(value: str) -> tuple[str, ...]:
    return ("*",) if value == "*" else _origins(value)


def _tokens(value: str) -> tuple[str, ...]:
    names = _list(value)
    if not names or any(not _TOKEN.fullmatch(name) for name in names):
        raise ValueError("must list names, separated by commas.")
    return names


def _methods(value: str) -> tuple[str, ...]:
    return tuple(method.upper() for method in _tokens(value))


def _schema(value: str) -> str:
    if not _SCHEMA.fullmatch(value):
        raise ValueError("must be a name of up to 63 characters: a-z, 0-9 and _, not beginning with a digit.")
    return value


def _database(value: str) -> str:
    if not re.match(r"postgres(ql)?(\+asyncpg)?://", value):
        raise ValueError("must begin with postgres:// or postgresql://.")
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", value):
        raise ValueError("must be 1 to 40 of A-Z, a-z, 0-9, '_', '.' and '-'.")
    return value


def _redis(value: str) -> str:
    if not re.match(r"(redis|rediss|unix)://.", value):
        raise ValueError("must begin with redis://, rediss:// or unix://.")
    return value


def _base(value: str) -> str:
    """Return the address that paths are appended to."""
    checked = addresses.check(value)
    if set("?#") & set(checked):
        raise ValueError("must end with its host or a path.")
    return checked.rstrip("/")


def _bucket(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,255}", value):
        raise ValueError("must be the name of a bucket: 3 or more of letters, digits, '.', '_' and '-'.")
    return value


def _webhook(value: str) -> str:
    return addresses.check(value)


def _webhook_secret(value: str) -> str:
    try:
        webhooks.key_of(value)
    except ValueError:
        raise ValueError("must go on in base64 after whsec_.") from None
    return value


def _events(value: str) -> tuple[str, ...]:
    events = _list(value)
    if not set(events) <= set(webhooks.TYPES):
        raise ValueError(f"must list some of: {', '.join(webhooks.TYPES)}.")
    return events


def _delays(value: str) -> tuple[float, ...]:
    return tuple(_seconds(part) for part in _list(value))


def _cron(value: str) -> str:
    if not croniter.is_valid(value, second_at_beginning=True) or len(value.split()) != CRON_FIELDS:
        raise ValueError("must be six cron fields, seconds first: `0 */5 * * * *`.")
    return value


def _secret(value: str) -> str:
    from mtchat_app.keys import of_secret

    of_secret(value)
    return value


def _secrets(value: str) -> tuple[str, ...]:
    return tuple(_secret(secret) for secret in _list(value))


def _public_key(value: str) -> str:
    from mtchat_app.keys import of_pem

    if value.startswith("-----BEGIN"):
        pem = value.replace("\\n", "\n")
    else:
        try:
            pem = Path(value).read_text()
        except (OSError, ValueError):
            raise ValueError("must be a public key in PEM form, or the path of a readable file.") from None
    of_pem(pem)
    return pem


def _key_set(value: str) -> str:
    if re.match(r"file://.", value):
        return value
    if not re.match(r"https?://.", value):
        raise ValueError("must begin with https://, http:// or file://.")
    return addresses.check(value)


def _setting(
    name: str,
    parse: Callable[[str], object],
    help: str,  # noqa: A002 - what it is
    *,
    default: object = None,
    unit: str = "",
    shown: str = "",
    secret: bool = False,
) -> Any:
    entry = {"name": name, "parse": parse, "help": help, "unit": unit, "shown": shown}
    return field(default=default, metadata=entry, repr=not secret)


@frozen(kw_only=True)
class Settings:
    """The service's settings; `Settings.load` is the way to get them."""

    host: str = _setting("HOST", _text, "Address to listen on.", default="0.0.0.0")  # noqa: S104 - behind a proxy
    port: int = _setting("PORT", _whole(0, 65535), "Port to listen on.", default=8080)
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "LOG_LEVEL",
        _one_of("debug", "info", "warning", "error"),
        "Least important line to log: debug, info, warning or error.",
        default="info",
    )
    log_format: Literal["json", "console"] = _setting(
        "LOG_FORMAT", _one_of("json", "console"), "How lines look: json or console.", default="json"
    )

    database_url: str | None = _setting(
        "DATABASE_URL",
        _database,
        "PostgreSQL to keep everything in: postgres://user:password@host/name.",
        secret=True,
    )
    database_schema: str = _setting("DATABASE_SCHEMA", _schema, "Schema that holds our tables.", default="mtchat")
    database_max_connections: int = _setting(
        "DATABASE_MAX_CONNECTIONS",
        _whole(1, 1000),
        "Most connections at a time, beside one for health.",
        default=20,
    )
    database_acquire_timeout_secs: float = _setting(
        "DATABASE_ACQUIRE_TIMEOUT_SECS",
        _seconds,
        "How long a request waits for a connection before it is answered with 503.",
        default=1.0,
        unit="seconds",
    )

    admin_api_token: str | None = _setting(
        "ADMIN_API_TOKEN", _text, "Bearer token of the Management API.", secret=True
    )
    admin_api_token_previous: str | None = _setting(
        "ADMIN_API_TOKEN_PREVIOUS", _text, "The token before, still good while hosts change over.", secret=True
    )
    allow_open_management: bool = _setting(
        "ALLOW_OPEN_MANAGEMENT",
        _yes_or_no,
        "Insecure: the Management API needs no token while ADMIN_API_TOKEN is not set.",
        default=False,
    )
    jwt_auth_enabled: bool | None = _setting(
        "JWT_AUTH_ENABLED",
        _yes_or_no,
        "Tokens are checked as soon as a secret or key is set; `false` takes that back and then needs "
        "ALLOW_INSECURE_USER_ID.",
        shown="on with a key",
    )
    jwt_secret: str | None = _setting(
        "JWT_SECRET", _secret, "HS256 secret, 32 bytes or more. Never split: commas belong to it.", secret=True
    )
    jwt_secrets: tuple[str, ...] = _setting(
        "JWT_SECRETS",
        _secrets,
        "Several HS256 secrets, separated by commas, for rotation; JWT_SECRET is then left aside.",
        default=(),
        secret=True,
    )
    jwt_public_key: str | None = _setting(
        "JWT_PUBLIC_KEY",
        _public_key,
        "PEM public key, inline or as a path: RSA checks RS256, P-256 checks ES256, Ed25519 checks EdDSA.",
        secret=True,
    )
    jwt_jwks_url: str | None = _setting(
        "JWT_JWKS_URL", _key_set, "Key set (RFC 7517) at an https://, http:// or file:// address."
    )
    jwt_require_exp: bool = _setting(
        "JWT_REQUIRE_EXP", _yes_or_no, "Refuse tokens that never expire.", default=False
    )
    jwt_audience: tuple[str, ...] = _setting(
        "JWT_AUDIENCE", _list, "Accepted `aud`, one or several by comma; not looked at when unset.", default=()
    )
    jwt_issuer: str | None = _setting("JWT_ISSUER", _text, "Required `iss`; not looked at when unset.")
    jwt_user_id_claim: str = _setting(
        "JWT_USER_ID_CLAIM", _text, "Claim that names the person: text, or a whole number.", default="sub"
    )
    jwt_scope_claim: str = _setting(
        "JWT_SCOPE_CLAIM",
        _text,
        "Claim that holds the person's scopes: an object with scope_level0, scope_level1, scope_level2.",
        default="scopes",
    )
    scope_source: Literal["token", "header"] = _setting(
        "SCOPE_SOURCE",
        _one_of("token", "header"),
        "Where scopes come from: token (signed), or header (X-Scope-Config: no security boundary, clients write "
        "what they like).",
        default=Factory(lambda self: "token" if self.is_jwt_on else "header", takes_self=True),
        shown="token; header without JWT",
    )
    allow_insecure_user_id: bool = _setting(
        "ALLOW_INSECURE_USER_ID",
        _yes_or_no,
        "Insecure: without JWT, a person is whoever `user_id` in the query says.",
        default=False,
    )

    ws_allowed_origins: tuple[str, ...] = _setting(
        "WS_ALLOWED_ORIGINS",
        _origins,
        "Origins whose pages may open a socket, by comma; any when unset. Clients that send no Origin pass.",
        default=(),
        shown="any",
    )
    sockets_per_user: int = _setting("SOCKETS_PER_USER", _whole(1), "Most sockets of one person.", default=20)
    sockets_per_node: int = _setting("SOCKETS_PER_NODE", _whole(1), "Most sockets of one process.", default=10_000)
    socket_queue_frames: int = _setting(
        "SOCKET_QUEUE_FRAMES", _whole(1), "Frames that may wait for a slow reader.", default=256, unit="frames"
    )
    socket_queue_bytes: int = _setting(
        "SOCKET_QUEUE_BYTES",
        _whole(1024),
        "Bytes that may wait for a slow reader.",
        default=1024 * 1024,
        unit="bytes",
    )
    socket_write_timeout_secs: float = _setting(
        "SOCKET_WRITE_TIMEOUT_SECS", _seconds, "Longest wait for one frame to leave.", default=10.0, unit="seconds"
    )
    socket_ping_secs: float = _setting(
        "SOCKET_PING_SECS",
        _seconds,
        "How often the server asks each socket for a sign of life.",
        default=25.0,
        unit="seconds",
    )
    socket_dead_secs: float = _setting(
        "SOCKET_DEAD_SECS",
        _seconds,
        "How long a socket may give no sign of life; more than SOCKET_PING_SECS.",
        default=60.0,
        unit="seconds",
    )
    socket_frame_max_bytes: int = _setting(
        "SOCKET_FRAME_MAX_BYTES", _whole(1024), "Largest frame from a client.", default=64 * 1024, unit="bytes"
    )
    socket_frames_in: int = _setting(
        "SOCKET_FRAMES_IN",
        _whole(1),
        "Most frames from one client in SOCKET_FRAMES_IN_SECS.",
        default=60,
        unit="frames",
    )
    socket_frames_in_secs: float = _setting(
        "SOCKET_FRAMES_IN_SECS", _seconds, "The time SOCKET_FRAMES_IN counts over.", default=10.0, unit="seconds"
    )

    request_max_body_bytes: int = _setting(
        "REQUEST_MAX_BODY_BYTES", _whole(1024), "Largest request body.", default=2 * 1024 * 1024, unit="bytes"
    )
    request_max_header_bytes: int = _setting(
        "REQUEST_MAX_HEADER_BYTES",
        _whole(1024),
        "Most bytes of address and headers together.",
        default=16 * 1024,
        unit="bytes",
    )
    request_head_timeout_secs: float = _setting(
        "REQUEST_HEAD_TIMEOUT_SECS",
        _seconds,
        "Longest wait for a whole address with its headers.",
        default=15.0,
        unit="seconds",
    )
    request_body_timeout_secs: float = _setting(
        "REQUEST_BODY_TIMEOUT_SECS", _seconds, "Longest wait for a whole body.", default=60.0, unit="seconds"
    )
    request_timeout_secs: float = _setting(
        "REQUEST_TIMEOUT_SECS",
        _seconds,
        "Longest time to answer a request that has arrived, before it is answered with 503.",
        default=30.0,
        unit="seconds",
    )
    shutdown_grace_secs: float = _setting(
        "SHUTDOWN_GRACE_SECS",
        _seconds,
        "How long the service goes on letting requests in after SIGTERM, while /health/ready says no.",
        default=5.0,
        unit="seconds",
    )

    notification_delay_secs: float = _setting(
        "NOTIFICATION_DELAY_SECS",
        _seconds,
        "Quiet time after a message before its unread reminder; each new message starts it anew.",
        default=30.0,
        unit="seconds",
    )
    notification_max_delay_secs: float = _setting(
        "NOTIFICATION_MAX_DELAY_SECS",
        _seconds,
        "Longest wait for a reminder after the first unread message.",
        default=Factory(lambda self: 4 * self.notification_delay_secs, takes_self=True),
        unit="seconds",
        shown="4 x NOTIFICATION_DELAY_SECS",
    )

    notification_cancelled: bool = _setting(
        "NOTIFICATION_CANCELLED",
        _yes_or_no,
        "Also send notification.cancelled once somebody has read what they were reminded of.",
        default=False,
    )

    redis_url: str | None = _setting(
        "REDIS_URL",
        _redis,
        "Redis or Valkey, optional: live events between processes at once, shared presence, SAQ.",
        secret=True,
    )
    redis_timeout_secs: float = _setting(
        "REDIS_TIMEOUT_SECS", _seconds, "Longest wait for Redis.", default=0.5, unit="seconds"
    )
    redis_prefix: str = _setting(
        "REDIS_PREFIX", _prefix, "What our keys and channels begin with.", default="mtchat"
    )
    log_poll_secs: float = _setting(
        "LOG_POLL_SECS",
        _seconds,
        "How often each process looks into the event log for what others did.",
        default=0.5,
        unit="seconds",
    )
    node_cut_off_secs: float = _setting(
        "NODE_CUT_OFF_SECS",
        _seconds,
        "After this long without the event log a process closes its sockets (1013), for them to go elsewhere.",
        default=15.0,
        unit="seconds",
    )
    presence_grace_secs: float = _setting(
        "PRESENCE_GRACE_SECS",
        _seconds,
        "How long somebody may be gone before they show as offline: a page reload is no flicker.",
        default=5.0,
        unit="seconds",
    )
    presence_audience: int = _setting(
        "PRESENCE_AUDIENCE",
        _whole(0),
        "People of one dialog, connected to one process, above whom comings and goings are not pushed.",
        default=200,
        unit="people",
    )
    resume_events: int = _setting(
        "RESUME_EVENTS",
        _whole(1),
        "Most events a returning socket is given; with more to tell, it starts afresh.",
        default=1000,
        unit="events",
    )
    event_retention_secs: float = _setting(
        "EVENT_RETENTION_SECS",
        _seconds,
        "How long events can be asked for again; an hour or more.",
        default=7 * 24 * 3600.0,
        unit="seconds",
    )

    webhook_url: str | None = _setting(
        "WEBHOOK_URL", _webhook, "Where the host is told of events; the Management API can set further endpoints."
    )
    webhook_secret: str | None = _setting(
        "WEBHOOK_SECRET", _webhook_secret, "What bodies sent to WEBHOOK_URL are signed with.", secret=True
    )
    webhook_secret_previous: str | None = _setting(
        "WEBHOOK_SECRET_PREVIOUS",
        _webhook_secret,
        "The secret before: while set, bodies carry both signatures.",
        secret=True,
    )
    webhook_events: tuple[str, ...] = _setting(
        "WEBHOOK_EVENTS", _events, "Events for WEBHOOK_URL, by comma; all when unset.", default=(), shown="all"
    )
    webhook_type_style: Literal["dotted", "snake_case"] = _setting(
        "WEBHOOK_TYPE_STYLE",
        _one_of("dotted", "snake_case"),
        "The body's `type`: message.new, or message_new as hosts of the original know it.",
        default="dotted",
    )
    webhook_deny_private: bool = _setting(
        "WEBHOOK_DENY_PRIVATE",
        _yes_or_no,
        "Refuse addresses of private networks and of this machine.",
        default=False,
    )
    webhook_timeout_secs: float = _setting(
        "WEBHOOK_TIMEOUT_SECS", _seconds, "Longest time for one attempt, all told.", default=10.0, unit="seconds"
    )
    webhook_parallel: int = _setting(
        "WEBHOOK_PARALLEL", _whole(1, 100), "Most attempts under way to one endpoint.", default=10
    )
    webhook_retry_secs: tuple[float, ...] = _setting(
        "WEBHOOK_RETRY_SECS",
        _delays,
        "Waits before each attempt, +-20 %; after the last one an event goes to the dead letters.",
        default=(0.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0),
        unit="seconds",
    )
    webhook_lease_secs: float = _setting(
        "WEBHOOK_LEASE_SECS",
        _seconds,
        "After a worker died, how long until another takes over what it was delivering.",
        default=30.0,
        unit="seconds",
    )
    webhook_log: Literal["all", "failures"] = _setting(
        "WEBHOOK_LOG",
        _one_of("all", "failures"),
        "Which attempts are kept for looking at: all, or failures.",
        default="all",
    )
    webhook_log_retention_secs: float = _setting(
        "WEBHOOK_LOG_RETENTION_SECS",
        _seconds,
        "How long attempts and what was delivered can be looked at.",
        default=3 * 24 * 3600.0,
        unit="seconds",
    )
    webhook_dead_retention_secs: float = _setting(
        "WEBHOOK_DEAD_RETENTION_SECS",
        _seconds,
        "How long dead letters are kept for replay.",
        default=30 * 24 * 3600.0,
        unit="seconds",
    )

    s3_bucket: str | None = _setting("S3_BUCKET", _bucket, "Bucket for files; naming one switches S3 on.")
    s3_endpoint: str | None = _setting(
        "S3_ENDPOINT", _base, "Address of an S3-compatible storage; AWS in S3_REGION when unset."
    )
    s3_public_endpoint: str | None = _setting(
        "S3_PUBLIC_ENDPOINT", _base, "Address of the same storage for browsers.", shown="S3_ENDPOINT"
    )
    s3_region: str = _setting("S3_REGION", _text, "Region that requests are signed for.", default="us-east-1")
    s3_access_key_id: str | None = _setting(
        "S3_ACCESS_KEY_ID",
        _text,
        "Access key; the machine's own credentials when neither half is set.",
        secret=True,
    )
    s3_secret_access_key: str | None = _setting(
        "S3_SECRET_ACCESS_KEY", _text, "The other half of the access key.", secret=True
    )
    s3_timeout_secs: float = _setting(
        "S3_TIMEOUT_SECS", _seconds, "Longest wait for the storage.", default=3.0, unit="seconds"
    )
    s3_presign_upload_expiry: int = _setting(
        "S3_PRESIGN_UPLOAD_EXPIRY",
        _whole(1, 3600),
        "How long a link to upload is good, in whichever storage.",
        default=300,
        unit="seconds",
    )
    s3_presign_download_expiry: int = _setting(
        "S3_PRESIGN_DOWNLOAD_EXPIRY",
        _whole(2, 604800),
        "How long a link to download is good, in whichever storage.",
        default=3600,
        unit="seconds",
    )
    storage_dir: str | None = _setting(
        "STORAGE_DIR", _text, "Folder for files instead of a bucket; the service hands them out itself."
    )
    public_url: str | None = _setting(
        "PUBLIC_URL",
        _base,
        "Address of this service for browsers, which links to files in STORAGE_DIR begin with.",
    )
    file_quota_bytes: int = _setting(
        "FILE_QUOTA_BYTES", _whole(0), "Most bytes of files of one person; 0: any.", default=0, unit="bytes"
    )
    file_thumbnails: bool = _setting(
        "FILE_THUMBNAILS", _yes_or_no, "Make a small picture of each picture.", default=True
    )
    file_scan_url: str | None = _setting(
        "FILE_SCAN_URL",
        addresses.check,
        "Who looks into each file: is given a link, and says whether it is clean.",
    )
    file_scan_secret: str | None = _setting(
        "FILE_SCAN_SECRET",
        _webhook_secret,
        "What questions to FILE_SCAN_URL are signed with.",
        secret=True,
    )
    file_scan_mode: Literal["hold", "flag"] = _setting(
        "FILE_SCAN_MODE",
        _one_of("hold", "flag"),
        "Until a file has been looked into: nobody gets at it (hold), or everybody (flag).",
        default="hold",
    )
    file_scan_timeout_secs: float = _setting(
        "FILE_SCAN_TIMEOUT_SECS",
        _seconds_within(45),
        "Longest wait for FILE_SCAN_URL, 45 at most.",
        default=30.0,
        unit="seconds",
    )
    file_unsent_secs: float = _setting(
        "FILE_UNSENT_SECS",
        _seconds,
        "How long an uploaded file waits to be sent before it is deleted.",
        default=24 * 3600.0,
        unit="seconds",
    )

    archive_after_secs: float = _setting(
        "ARCHIVE_AFTER_SECS",
        _seconds,
        "Silence after which a dialog goes into everybody's archive; 0: never.",
        default=3 * 24 * 3600.0,
        unit="seconds",
    )
    archive_cron: str = _setting(
        "ARCHIVE_CRON",
        _cron,
        "When quiet dialogs are looked for: six cron fields, seconds first, UTC.",
        default="0 */5 * * * *",
    )
    worker: Literal["internal", "external"] = _setting(
        "WORKER",
        _one_of("internal", "external"),
        "Who runs the jobs: `mtchat serve` itself, or `mtchat worker` beside it (external).",
        default="internal",
    )
    worker_port: int = _setting(
        "WORKER_PORT",
        _whole(0, 65535),
        "Port of `mtchat worker`, for its health, metrics and the queues' page.",
        default=8081,
    )

    auth_failures_rps: int = _setting(
        "AUTH_FAILURES_RPS",
        _whole(1),
        "Failed authentications from one address, on and on. Always on.",
        default=10,
        unit="per second",
    )
    auth_failures_burst: int = _setting(
        "AUTH_FAILURES_BURST",
        _whole(1),
        "Failed authentications from one address at once.",
        default=100,
        unit="requests",
    )
    rate_limit_enabled: bool = _setting(
        "RATE_LIMIT_ENABLED",
        _yes_or_no,
        "Limit requests per person, or per address before one is known.",
        default=False,
    )
    rate_limit_rps: int = _setting(
        "RATE_LIMIT_RPS", _whole(1), "Requests one may send on and on.", default=100, unit="requests per second"
    )
    rate_limit_burst: int = _setting(
        "RATE_LIMIT_BURST", _whole(1), "Requests one may send at once.", default=50, unit="requests"
    )
    rate_limit_messages_rps: int = _setting(
        "RATE_LIMIT_MESSAGES_RPS", _whole(1), "Messages one may send on and on.", default=10, unit="per second"
    )
    rate_limit_messages_burst: int = _setting(
        "RATE_LIMIT_MESSAGES_BURST", _whole(1), "Messages one may send at once.", default=30, unit="messages"
    )
    rate_limit_membership_rps: int = _setting(
        "RATE_LIMIT_MEMBERSHIP_RPS",
        _whole(1),
        "Times one may join or leave, on and on.",
        default=1,
        unit="per second",
    )
    rate_limit_membership_burst: int = _setting(
        "RATE_LIMIT_MEMBERSHIP_BURST", _whole(1), "Times one may join or leave at once.", default=10, unit="times"
    )
    rate_limit_uploads_rps: int = _setting(
        "RATE_LIMIT_UPLOADS_RPS",
        _whole(1),
        "Uploads one may ask for, on and on.",
        default=2,
        unit="per second",
    )
    rate_limit_uploads_burst: int = _setting(
        "RATE_LIMIT_UPLOADS_BURST", _whole(1), "Uploads one may ask for at once.", default=20, unit="uploads"
    )

    cors_allowed_origins: tuple[str, ...] = _setting(
        "CORS_ALLOWED_ORIGINS",
        _origins_or_any,
        "Origins whose pages may read our answers, by comma, or *.",
        default=("*",),
    )
    cors_allowed_methods: tuple[str, ...] = _setting(
        "CORS_ALLOWED_METHODS",
        _methods,
        "Methods such pages may use.",
        default=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
    )
    cors_allowed_headers: tuple[str, ...] = _setting(
        "CORS_ALLOWED_HEADERS",
        _tokens,
        "Headers such pages may send; * repeats what they ask for.",
        default=("*",),
    )
    cors_allow_credentials: bool = _setting(
        "CORS_ALLOW_CREDENTIALS",
        _yes_or_no,
        "Let such pages send cookies; needs a list of origins.",
        default=False,
    )
    cors_max_age: int = _setting(
        "CORS_MAX_AGE", _whole(0), "How long browsers remember the answer.", default=3600, unit="seconds"
    )

    @property
    def is_jwt_on(self) -> bool:
        """Tell whether people's tokens are checked: a key is there, and not switched off by hand."""
        return self._has_key and self.jwt_auth_enabled is not False

    @property
    def _has_key(self) -> bool:
        return bool(self.jwt_secrets or self.jwt_public_key or self.jwt_jwks_url)

    @property
    def admin_tokens(self) -> tuple[str, ...]:
        """The tokens that open the Management API, the current one first."""
        return tuple(token for token in (self.admin_api_token, self.admin_api_token_previous) if token)

    def without_files(self) -> "Settings":
        """Return the same without a place for files, for whoever only looks into the database."""
        return evolve(self, s3_bucket=None, storage_dir=None)

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the settings; an empty variable counts as not set.

        Raises:
            SettingsError: with every problem found, not just the first; values are never repeated.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for attribute in _attributes():
            name = attribute.metadata["name"]
            if not (given := environ.get(name, "").strip()):
                continue
            try:
                values[attribute.name] = attribute.metadata["parse"](given)
            except ValueError as error:
                problems.append(f"{name} {error}")
        if not values.get("jwt_secrets") and (secret := values.get("jwt_secret")):
            values["jwt_secrets"] = (secret,)
        settings = cls(**values)
        problems += settings._contradictions()
        if problems:
            raise SettingsError(problems)
        return settings

    def _contradictions(self) -> Iterator[str]:
        if self.cors_allow_credentials and self.cors_allowed_origins == ("*",):
            yield "CORS_ALLOW_CREDENTIALS needs CORS_ALLOWED_ORIGINS to list origins: browsers refuse it with *."
        if self.notification_max_delay_secs < self.notification_delay_secs:
            yield "NOTIFICATION_MAX_DELAY_SECS must not be below NOTIFICATION_DELAY_SECS."
        if self.event_retention_secs < LEAST_RETENTION_SECS:
            yield "EVENT_RETENTION_SECS must be 3600 or more: an hour is promised to whoever returns."
        if (self.webhook_url is None) != (self.webhook_secret is None):
            yield "WEBHOOK_URL and WEBHOOK_SECRET go together: set both, or neither."
        if self.webhook_deny_private and self.webhook_url and addresses.is_private(self.webhook_url):
            yield "WEBHOOK_URL must not lead into a private network while WEBHOOK_DENY_PRIVATE is on."
        if self.socket_dead_secs <= self.socket_ping_secs or not self.socket_ping_secs:
            yield "SOCKET_PING_SECS must be above 0, and SOCKET_DEAD_SECS above SOCKET_PING_SECS."
        if self.admin_api_token is None and self.admin_api_token_previous is not None:
            yield "ADMIN_API_TOKEN_PREVIOUS needs ADMIN_API_TOKEN."
        yield from self._contradictions_about_files()

    def _contradictions_about_files(self) -> Iterator[str]:
        if self.s3_bucket is not None and self.storage_dir is not None:
            yield "S3_BUCKET and STORAGE_DIR exclude each other: files are kept in a bucket, or in a folder."
        if self.s3_bucket is None and (self.s3_endpoint or self.s3_access_key_id or self.s3_secret_access_key):
            yield "S3_BUCKET must name the bucket for files: S3_ENDPOINT or a key alone keeps none."
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            yield "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY go together: set both, or neither."
        if self.s3_public_endpoint is not None and self.s3_endpoint is None:
            yield "S3_PUBLIC_ENDPOINT needs S3_ENDPOINT: AWS has one address for everybody."
        if self.storage_dir is not None and self.public_url is None:
            yield "STORAGE_DIR needs PUBLIC_URL: links to files begin with it."
        if (self.file_scan_url is None) != (self.file_scan_secret is None):
            yield "FILE_SCAN_URL and FILE_SCAN_SECRET go together: set both, or neither."

    def check_serving(self) -> None:
        """Refuse to open the doors to everybody unless that was said out loud.

        Raises:
            SettingsError: naming the variables to set.
        """
        problems: list[str] = []
        if not self.admin_tokens and not self.allow_open_management:
            problems.append(
                "Set ADMIN_API_TOKEN, the Management API's bearer token. "
                "(ALLOW_OPEN_MANAGEMENT=true opens it to everybody, for development.)"
            )
        if not self.is_jwt_on and not self.allow_insecure_user_id:
            instead = "(ALLOW_INSECURE_USER_ID=true lets anyone act as anyone, for development.)"
            if self._has_key:
                problems.append(
                    f"JWT_AUTH_ENABLED=false switches off the key that is set: remove one of the two. {instead}"
                )
            else:
                problems.append(
                    f"Set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL, to check people's tokens with. {instead}"
                )
        if problems:
            raise SettingsError(problems)

    def insecurities(self) -> list[str]:
        """Return a sentence for each protection that is switched off; shown at start and by /health/ready."""
        found: list[str] = []
        if not self.is_jwt_on and self.allow_insecure_user_id:
            found.append("ALLOW_INSECURE_USER_ID is on: anyone can act as anyone.")
        if not self.admin_tokens and self.allow_open_management:
            found.append("ALLOW_OPEN_MANAGEMENT is on: anyone can use the Management API.")
        if self.scope_source == "header":
            found.append("SCOPE_SOURCE is header: anyone can claim any scope.")
        return found


def _attributes() -> "Iterable[Attribute[Any]]":
    return cast("Iterable[Attribute[Any]]", fields(Settings))


def reference() -> Iterator[Entry]:
    """Describe every variable, in the order of the guide."""
    for attribute in _attributes():
        said = attribute.metadata
        yield Entry(said["name"], said["help"], said["unit"], said["shown"] or _shown(attribute.default))


def _shown(default: object) -> str:
    match default:
        case None | ():
            return ""
        case bool():
            return str(default).lower()
        case float():
            return f"{default:.15g}"
        case tuple():
            return ",".join(map(_shown, cast("tuple[object, ...]", default)))
        case _:
            assert default is not NOTHING
            return str(default)


def ignored(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence for each variable that is set, known from the original, and not used by this release."""
    return [
        f"{name} is set, but this release does not use it."
        for name in sorted(environ)
        if environ[name] and _UNUSED.fullmatch(name)
    ]
