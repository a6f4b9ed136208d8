"""Run the steps on the connection that `migrate` hands over.

Steps are written by hand: a comparison with the database would propose to drop a host's tables.
"""

from alembic import context

from mtchat_adapters.postgres.migrate import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=context.config.attributes["schema"],
    # A step may then build an index concurrently.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
