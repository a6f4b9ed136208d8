"""Who runs the server: PostgreSQL refuses root, so root steps down to an account of lesser rights."""

import os
import pwd
from pathlib import Path

from attrs import frozen

from mtchat_adapters.embedded.errors import AccountUnsuitable


@frozen
class Account:
    """The operating-system account a server runs as.

    *user*, *group* and *extra_groups* are what `subprocess` asks for; None keeps the caller's own.
    """

    name: str
    user: int | None = None
    group: int | None = None
    extra_groups: tuple[int, ...] | None = None

    def take(self, path: Path) -> None:
        """Give *path*, which the caller has just made, to this account; never follows a link."""
        if self.user is not None and self.group is not None:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fchown(descriptor, self.user, self.group)
            finally:
                os.close(descriptor)


def account_for(data: Path, cluster: Path) -> Account:
    """Choose the account for the database in *cluster*, which may not exist yet, under the folder *data*.

    Everyone but root runs the server themselves. Root takes the owner of the database, else the owner of *data*,
    else `postgres`, else `nobody`.
    Raises:
        AccountUnsuitable: the database belongs to root, or to someone else than the caller.
    """
    me = os.geteuid()
    owner = cluster.stat().st_uid if cluster.exists() else None
    if me != 0:
        if owner not in (None, me):
            raise AccountUnsuitable(
                f"The database in {cluster} belongs to {_name(owner)}, and this process runs as {_name(me)}. "
                f"Start it as {_name(owner)} or as root, or choose another data folder."
            )
        return Account(_name(me))
    if owner == 0:
        raise AccountUnsuitable(
            f"The database in {cluster} belongs to root, as which PostgreSQL refuses to run. "
            f"Give it to another user: chown -R nobody '{cluster}'."
        )
    if owner is not None:
        return Account(_name(owner), owner, cluster.stat().st_gid, ())
    for entry in (_entry(data.stat().st_uid), _entry("postgres"), _entry("nobody")):
        if entry is not None and entry.pw_uid != 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, ())
    raise AccountUnsuitable(
        "PostgreSQL refuses to run as root, and there is neither a user `postgres` nor a user `nobody`. "
        "Start MTChat as another user."
    )


def _entry(who: int | str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(who) if isinstance(who, int) else pwd.getpwnam(who)
    except KeyError:
        return None


def _name(uid: int) -> str:
    entry = _entry(uid)
    return f"user {uid}" if entry is None else entry.pw_name
