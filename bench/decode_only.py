"""The collector without its queue: reads, checks and packs every request, and answers as if it were appended.

``python -m bench.decode_only`` runs it with the settings of the environment. What the durable collector is measured against.
"""

from __future__ import annotations

import os

from scorer.app import HttpSide
from scorer.resources import Resources
from tracker.commit import GroupCommit
from tracker.settings import read_settings


class _NoCommit(GroupCommit):
    async def append(self, site_id: int, entries: list[tuple[int, int, bytes]]) -> None:
        """Return at once; nothing is kept."""


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings()
    side = HttpSide(Resources(settings, os.environ["WARMTRAIL_REDIS_URL"]), collector=True, web=False)
    side.commit = _NoCommit("redis://nowhere")
    side.run()


if __name__ == "__main__":
    main()
