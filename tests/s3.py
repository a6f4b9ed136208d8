"""An S3 of one's own: SeaweedFS from its wheel, on loopback, with keys."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from urllib.error import HTTPError
from urllib.request import urlopen

from attrs import frozen

from mtchat_adapters.embedded.programs import stopping_with_parent
from mtchat_adapters.s3.bucket import Bucket, connect

READY_SECONDS, ATTEMPTS = 30.0, 3
BUCKET, ACCESS_KEY, SECRET_KEY = "chat-files", "app", "app-secret"

_PORTS = ("s3", "master", "volume", "filer", "admin")


@frozen
class Endpoint:
    """A storage that runs: where it is asked, and with which keys."""

    url: str
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY

    @property
    def bucket(self) -> Bucket:
        """The bucket for tests, as one names it to us."""
        return Bucket(BUCKET, endpoint=self.url, access_key_id=self.access_key, secret_access_key=self.secret_key)

    async def make_bucket(self) -> None:
        """Have the bucket there."""
        async with connect(self.bucket, patience=timedelta(seconds=READY_SECONDS)) as connection:
            known = connection.client.exceptions
            with suppress(known.BucketAlreadyOwnedByYou, known.BucketAlreadyExists):
                await connection.client.create_bucket(Bucket=BUCKET)


@contextmanager
def test_s3(folder: Path) -> Generator[Endpoint]:
    """Lend the storage of MTCHAT_TEST_S3_ENDPOINT, or one of our own below *folder* until the block ends."""
    if running := os.environ.get("MTCHAT_TEST_S3_ENDPOINT"):
        yield Endpoint(
            running,
            os.environ.get("MTCHAT_TEST_S3_ACCESS_KEY_ID", ACCESS_KEY),
            os.environ.get("MTCHAT_TEST_S3_SECRET_ACCESS_KEY", SECRET_KEY),
        )
        return
    with _seaweedfs(folder) as url:
        yield Endpoint(url)


@contextmanager
def _seaweedfs(folder: Path) -> Generator[str]:
    config = folder / "s3.json"
    keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
    config.write_text(json.dumps({"identities": [{"name": "app", "credentials": keys, "actions": ["Admin"]}]}))
    for attempt in range(ATTEMPTS):
        ports = _free_ports(2 * len(_PORTS))
        process = _started(folder, config, ports)
        url = f"http://127.0.0.1:{ports[0]}"
        try:
            if _comes_up(process, url):
                yield url
                return
        finally:
            # It keeps nothing that anybody will want: no need for the seconds an orderly end takes.
            process.kill()
            process.wait(10)
            for port in ports:
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # wherever its temporary folder is
                    left.unlink(missing_ok=True)
        # Somebody may have taken a port in between.
        assert attempt + 1 < ATTEMPTS, f"SeaweedFS did not come up: {(folder / 'weed.log').read_text()[-2000:]}"


def _started(folder: Path, config: Path, ports: Sequence[int]) -> subprocess.Popen[bytes]:
    kinds = [f"{name}.port{grpc}" for name in _PORTS for grpc in ("", ".grpc")]
    with (folder / "weed.log").open("ab") as log:
        return subprocess.Popen(
            [
                str(Path(sys.executable).with_name("weed")),
                *("mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={config}"),
                *("-master.telemetry=false", "-admin.ui=false", "-webdav=false", "-s3.iam=false"),
                *("-s3.port.iceberg=0", *(f"-{kind}={port}" for kind, port in zip(kinds, ports, strict=True))),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=stopping_with_parent(),
        )


def _comes_up(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _answers(url):
            return True
        time.sleep(0.05)  # nothing tells when a child process listens: asked again, with a deadline
    return False


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2):
            return True
    except HTTPError:
        return True
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; all are held until all are known."""
    held = [socket(AF_INET, SOCK_STREAM) for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
