"""What is right, what is wrong, and what to do about it."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx
from attrs import frozen

from mtchat_app.settings import Settings, SettingsError, ignored
from mtchat_core.domain.errors import ChatError, InvalidInput

TOLERABLE_SKEW_SECONDS = 5
ADDRESS_SECONDS = 5.0
MEBIBYTE = 1024 * 1024


_MANY_FILES = 10_000


@frozen
class Finding:
    """One thing looked at."""

    says: str
    is_fine: bool = True
    is_fatal: bool = False

    @property
    def mark(self) -> str:
        """How it shows at a glance."""
        return "ok  " if self.is_fine else ("FAIL" if self.is_fatal else "warn")


def _fatal(says: str) -> Finding:
    return Finding(says, is_fine=False, is_fatal=True)


def _warning(says: str) -> Finding:
    return Finding(says, is_fine=False)


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Look at the settings, and at what they name: the database, the Redis, the place for files."""
    try:
        settings = Settings.load(environment)
        settings.check_serving()
    except SettingsError as error:
        return [_fatal(line) for line in str(error).splitlines() if line.strip()]
    findings = [Finding("Settings are complete.")]
    findings += map(_warning, [*settings.insecurities(), *ignored(environment)])
    if settings.database_url is None:
        findings.append(_warning("No DATABASE_URL: `mtchat serve` needs --data DIR or --memory."))
    else:
        findings += await _database(settings)
        if not any(finding.is_fatal for finding in findings):
            findings += await _work(settings)
    if settings.redis_url is not None:
        findings.append(await _redis(settings.redis_url))
    if settings.storage_dir is not None:
        findings.append(await asyncio.to_thread(_folder, Path(settings.storage_dir)))
        findings.append(await _own_address(settings.public_url or ""))
    if settings.s3_bucket is not None:
        findings += await _storage(settings)
    if settings.file_thumbnails and (settings.s3_bucket or settings.storage_dir):
        findings.append(await _thumbnails())
    return findings


def _folder(folder: Path) -> Finding:
    from mtchat_adapters import disk

    try:
        room = disk.examine(folder)
    except FileNotFoundError:
        return _warning("STORAGE_DIR is not there yet: the service makes it at its first start.")
    except OSError as error:
        return _fatal(f"STORAGE_DIR can't be written to ({error.strerror}): check its owner, mode and disk.")
    said = f"{room // MEBIBYTE:,} MiB"
    if room < disk.KEEP_FREE_BYTES:
        return _warning(f"STORAGE_DIR has room for {said} only: nothing can be uploaded until there is more.")
    return Finding(f"STORAGE_DIR can be written to, and has room for {said}.")


async def _own_address(url: str) -> Finding:
    """Look whether links to files would lead here."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=ADDRESS_SECONDS) as browser:
            answer = await browser.get(f"{url}/health")
        is_ours = answer.status_code == 200 and answer.json().get("status") == "ok"
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        return _warning(
            f"Nothing of ours answers at PUBLIC_URL ({type(error).__name__}): links to files lead nowhere, unless "
            "the service is just not running."
        )
    if not is_ours:
        return _warning(
            f"PUBLIC_URL leads elsewhere (it answers {answer.status_code}): links to files lead nowhere."
        )
    return Finding("PUBLIC_URL leads to the service.")


async def _storage(settings: Settings) -> list[Finding]:
    from mtchat_adapters import s3
    from mtchat_app.wiring import bucket_of

    remarks = await s3.check(bucket_of(settings), origins=settings.cors_allowed_origins)
    return [Finding(remark.says, is_fine=remark.is_fine, is_fatal=remark.is_fatal) for remark in remarks]


async def _thumbnails() -> Finding:
    from mtchat_adapters import pillow

    if (why := await pillow.examine()) is None:
        return Finding("Small pictures can be made.")
    return _warning(f"No small pictures are made. {why} FILE_THUMBNAILS=false says that none are wanted.")


async def _redis(url: str) -> Finding:
    from mtchat_adapters import redis

    try:
        version = await redis.examine(url)
    except InvalidInput as error:
        return _fatal(error.message)
    except redis.RedisIsDown as error:
        return _warning(
            f"Redis does not answer ({error}): everything works without it, more slowly between processes. "
            "Check REDIS_URL and the server."
        )
    return Finding(f"Redis {version} answers.")


async def _database(settings: Settings) -> list[Finding]:
    from mtchat_adapters import postgres

    url, schema = settings.database_url or "", settings.database_schema
    try:
        health = await postgres.examine(url, schema)
    except ChatError as error:
        return [_fatal(f"The database can't be reached: {error.message} Check DATABASE_URL and the server.")]
    findings = [Finding(f"PostgreSQL {health.version} answers.")]
    if health.pending:
        findings.append(_fatal(f"{len(health.pending)} migration(s) are pending: run `mtchat migrate`."))
    else:
        findings.append(Finding(f"The schema {schema!r} is up to date."))
    if health.has_trigrams:
        findings.append(Finding("pg_trgm is there."))
    else:
        findings.append(
            _warning(
                "pg_trgm is missing: searching works without it, slower. As a superuser: CREATE EXTENSION pg_trgm;"
            )
        )
    skew = abs((health.now - datetime.now(UTC)).total_seconds())
    if skew > TOLERABLE_SKEW_SECONDS:
        findings.append(_warning(f"This clock and the database's differ by {skew:.0f} s: synchronise them (NTP)."))
    return findings


async def _work(settings: Settings) -> list[Finding]:
    """Look at what waits in the database for whoever runs the jobs."""
    from mtchat_app.overview import overview
    from mtchat_app.wiring import open_service

    async with open_service(settings.without_files()) as service:
        seen = await overview(service)
    findings: list[Finding] = []
    if late := seen.reminders.late:
        findings.append(_warning(f"{late} reminder(s) are late: does any process run jobs? See `mtchat jobs`."))
    if seen.files is not None:
        if late := seen.files.late:
            findings.append(
                _warning(
                    f"{late} file(s) are late to be looked into: does any process run jobs? See `mtchat jobs`."
                )
            )
        if (waiting := seen.files.leftovers) >= _MANY_FILES:
            findings.append(_warning(f"{waiting} files or more are to be deleted: does the storage delete any?"))
    for one in seen.webhooks:
        if one.state == "parked":
            findings.append(
                _warning(f"The webhook {one.name!r} is parked: `mtchat webhooks resume {one.name}` goes on.")
            )
        if one.dead:
            findings.append(
                _warning(
                    f"The webhook {one.name!r} has {one.dead} dead letter(s): `mtchat webhooks show {one.name}` "
                    f"says why, `mtchat webhooks replay --dead --webhook {one.name}` sends them again."
                )
            )
    return findings or [Finding("No reminder or file is late, no webhook parked or dead.")]
