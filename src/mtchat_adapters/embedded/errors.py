"""What can keep the embedded server from running; every message says what a person can do about it."""


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL server cannot run."""


class BinariesNotFound(EmbeddedPostgresError):
    """No suitable PostgreSQL server is installed."""


class BinariesOutOfReach(EmbeddedPostgresError):
    """A server is installed, but the account that has to run it may not."""


class DataFolderInUse(EmbeddedPostgresError):
    """Another process runs a server on this data folder."""


class AccountUnsuitable(EmbeddedPostgresError):
    """The database files belong to an account that cannot run the server from here."""


class StartFailed(EmbeddedPostgresError):
    """PostgreSQL was started and gave up; the message carries its own words."""
