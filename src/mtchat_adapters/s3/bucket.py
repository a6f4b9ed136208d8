"""Where the files lie, and the way there."""

import asyncio
import hashlib
import logging
import re
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aioboto3  # type: ignore[import-untyped]
from attrs import field, frozen
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from mtchat_adapters.s3.signing import Signer
from mtchat_core.domain.errors import InvalidInput

TIMEOUT = timedelta(seconds=3)
CONNECTIONS = 32
"""Most connections to the storage; whoever finds none free waits within their deadline."""
REFRESH_SECONDS = 60.0
"""How often the keys of a role are looked at; they are renewed a quarter of an hour before they end."""
PREFIX = "dialogs/"
"""What every key begins with."""

_USUAL_PORTS = {"http": ":80", "https": ":443"}
_NAME = re.compile(r"[A-Za-z0-9._-]{3,255}")
_config: Any = Config
_session: Any = aioboto3.Session  # pyright: ignore[reportUnknownMemberType]
_log = logging.getLogger(__name__)


@frozen
class Bucket:
    """A bucket and how to get at it.

    Without an endpoint it is Amazon's, in *region*. Browsers go to the public endpoint, if it is another one.
    Without keys, those are used that the machine has: its environment's, its role's.
    """

    name: str
    region: str = "us-east-1"
    endpoint: str | None = None
    public_endpoint: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)

    def require_usable(self) -> None:
        """Refuse what can't work.

        Raises:
            InvalidInput: a name or an endpoint that can't be one.
        """
        if _NAME.fullmatch(self.name) is None:
            raise InvalidInput("S3_BUCKET can't be the name of a bucket.")
        for name, endpoint in (("S3_ENDPOINT", self.endpoint), ("S3_PUBLIC_ENDPOINT", self.public_endpoint)):
            if endpoint is not None:
                _origin(name, endpoint)

    def base(self, amazon: str) -> str:
        """Return the URL that browsers reach the bucket at; *amazon* is the region's own endpoint."""
        if self.public_endpoint is not None:
            return f"{_origin('S3_PUBLIC_ENDPOINT', self.public_endpoint)}/{self.name}"
        if self.endpoint is not None:
            return f"{_origin('S3_ENDPOINT', self.endpoint)}/{self.name}"
        if "." in self.name:
            # A certificate for *.s3.amazonaws.com does not hold for two labels.
            return f"{amazon}/{self.name}"
        scheme, _, host = amazon.partition("://")
        return f"{scheme}://{self.name}.{host}"


@frozen
class Connection:
    """A client that asks, and a signer that makes links; both with the same keys."""

    client: Any
    signer: Signer
    credentials: Any

    async def keep_credentials_fresh(self) -> None:
        """Renew the signer's keys for as long as this runs: those of a role end."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            try:
                self.signer.credentials = await self.credentials.get_frozen_credentials()
            except Exception as error:
                # Whatever goes wrong, the old keys are better than none.
                _log.warning("the storage's credentials can't be renewed: %s", type(error).__name__)


@asynccontextmanager
async def connect(bucket: Bucket, *, patience: timedelta) -> AsyncGenerator[Connection]:
    """Make a client for the block; nothing is asked yet, but for the machine's own keys if there are no others.

    Raises:
        InvalidInput: something that can't be used, or no keys.
    """
    bucket.require_usable()
    for name in ("aioboto3", "aiobotocore", "boto3", "botocore"):
        # Further down they write whole requests into the log, with what signs them.
        logging.getLogger(name).setLevel(logging.WARNING)
    seconds = patience.total_seconds()
    is_by_path = bucket.endpoint is not None or "." in bucket.name
    config = _config(
        connect_timeout=seconds,
        read_timeout=seconds,
        # One more try at a hiccup; the deadline around both is ours.
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": "path" if is_by_path else "virtual", "us_east_1_regional_endpoint": "regional"},
        # Checksums of a new sort, which storages other than Amazon's stumble over.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=True,
    )
    try:
        session = _session(
            aws_access_key_id=bucket.access_key_id,
            aws_secret_access_key=bucket.secret_access_key,
            region_name=bucket.region,
        )
        credentials: Any = await session.get_credentials()
        if credentials is None:
            raise InvalidInput(
                "There are no credentials for the storage: set S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, or give "
                "the machine a role."
            )
        frozen_credentials: Any = await credentials.get_frozen_credentials()
        client: Any = await session.client("s3", endpoint_url=bucket.endpoint, config=config).__aenter__()
    except (BotoCoreError, ValueError) as error:
        raise InvalidInput(f"The storage's settings can't be used ({type(error).__name__}).") from None
    try:
        client.meta.events.register("before-sign.s3.DeleteObjects", _add_md5)
        signer = Signer(bucket.base(client.meta.endpoint_url), bucket.region, frozen_credentials)
        yield Connection(client, signer, credentials)
    finally:
        await client.__aexit__(None, None, None)


def _add_md5(request: Any, **_: object) -> None:
    """Give a list of what is to be deleted the checksum that storages ask for which know no newer one."""
    body: bytes = request.body
    request.headers["Content-MD5"] = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _origin(name: str, endpoint: str) -> str:
    parts = urlsplit(endpoint)
    is_origin = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in _USUAL_PORTS or not parts.hostname or not is_origin:
        raise InvalidInput(f"{name} can't be used: it is to be http(s)://host[:port], without a path.")
    # Browsers leave out the usual port, and a signature covers what they send.
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(_USUAL_PORTS[parts.scheme])}"
