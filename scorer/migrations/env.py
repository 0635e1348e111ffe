"""Alembic's entry: runs the migrations on the connection that ``tracker.migrate`` hands over."""

from alembic import context

from scorer import learning_models, models, outlet_models  # noqa: F401  # so that the metadata has all tables
from scorer.archive import models as archive_models  # noqa: F401
from tracker.models import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
