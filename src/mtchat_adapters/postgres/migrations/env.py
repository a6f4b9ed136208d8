"""Run the steps on the connection that `migrate` hands over."""

from alembic import context

from mtchat_adapters.postgres.migrate import VERSION_TABLE
from mtchat_adapters.postgres.tables import is_ours, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # A host's tables, wherever they are, are none of our business.
    include_name=is_ours,
    version_table=VERSION_TABLE,
    version_table_schema=context.config.attributes["schema"],
    # A step may then build an index concurrently.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
