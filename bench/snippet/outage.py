"""Whether a page view outlives a collector that is down."""

from __future__ import annotations

from bench.snippet.site import wait_for
from bench.snippet.stage import Stage
from bench.snippet.table import Row, right
from bench.snippet.trackers import Tracker


def measure(stage: Stage) -> list[Row]:
    """Read a page while the collector answers 503, and the next one when it is up again."""
    found = {tracker.key: _count(stage, tracker) for tracker in stage.trackers}
    cells = {key: right(count == 1, "" if count < 2 else f"{count} times") for key, count in found.items()}
    return [Row("Collector answers 503 on the first page: its page view arrives from the second, once", cells)]


def _count(stage: Stage, tracker: Tracker) -> int:
    """Return how many page views of the first page have arrived; one sent again under its own id counts once."""
    with stage.visitor(tracker) as visitor:
        stage.site.down.add(visitor.name)
        visitor.control_clock()
        visitor.open("/page.html")
        visitor.spend(8, active=True)
        visitor.page.wait_for_timeout(300)
        visitor.open("/plain.html")  # so that also the last try of the first page finds it down
        visitor.page.wait_for_timeout(300)
        stage.site.down.discard(visitor.name)
        visitor.open("/next.html")
        visitor.page.wait_for_timeout(300)

        def ids() -> list[str]:
            visitor.spend(5, active=True)
            return [message.id for message in visitor.messages("view") if message.path == "/page.html"]

        wait_for(ids, 1 if stage.smoke else 3)
        return len(set(ids()))
