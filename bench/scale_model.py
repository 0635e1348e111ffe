"""What a rate of events needs: cores, memory, disk, machines and money, from measured figures. Pure arithmetic."""

from __future__ import annotations

import math
from typing import Final

import msgspec

KEPT_DAYS: Final = {10: 730, 1_000: 365, 100_000: 21, 1_000_000: 7}
"""For how long each plan, by its events/s at the peak, keeps events: the first as WARMTRAIL_RETENTION_DAYS is by default."""
PARTITIONS: Final = 16
"""The default of WARMTRAIL_PARTITIONS."""
_DAY_S: Final = 86_400
_APPLICATION_VCPU: Final = 16
"""vCPU of a machine with collectors and workers."""
_TOGETHER_VCPU: Final = 3
"""Up to so many busy cores, one machine has everything."""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure, the bench that gives it, and what it is."""

    value: float
    bench: str
    what: str


class Assumed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure that nobody has measured, and what it is."""

    value: float
    what: str


class Figures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of ``figures.toml``."""

    measured: dict[str, Measured]
    assumed: dict[str, Assumed]

    def __getitem__(self, name: str) -> float:
        """Return the value of a figure. Raises ``KeyError`` for an unknown name."""
        return (self.measured.get(name) or self.assumed[name]).value


class Plan(msgspec.Struct, frozen=True):
    """What so many events/s need. Processes and servers are those of one installation."""

    rate: int
    installations: int
    """Separate services with a database each, among which sites are shared out."""
    database: str
    """``SQLite`` or ``PostgreSQL``."""
    collectors: int
    workers: int
    partitions: int
    queues: int
    """Valkey servers that the streams are spread over."""
    database_vcpu: int
    """Of a machine of its own; 0 where one machine has everything."""
    vcpu: int
    """This and the following: of all installations together."""
    memory_gib: float
    queue_gib: float
    """Of the memory: what waits in the queue after the longest outage that is planned for."""
    machines: int
    day_gb: float
    """What the databases grow by a day."""
    kept_days: int
    kept_gb: float
    dollars: float
    """A month."""


class Limit(msgspec.Struct, frozen=True):
    """Where one part of an installation is full."""

    part: str
    rate: float
    """Events/s at the peak."""
    then: str
    """What to do."""


def plan(figures: Figures, rate: int, days: int) -> Plan:
    """Return what *rate* events/s at the peak, kept for *days*, need, each part planned to be busy for its assumed share."""
    f, busy = figures, figures["busy"]
    day_gb = rate / f["peak"] * _DAY_S * event_bytes(f) / 1e9
    kept_gb = day_gb * days
    installations = math.ceil(
        max(
            rate * f["database_us"] / 1e6 / busy / f["largest_database"],
            rate * f["log_bytes"] / 1e6 / busy / f["log_mb_s"],
            kept_gb / 1000 / f["volume_tb"],
        )
    )
    each = rate / installations
    collectors = math.ceil(each / (f["collector_rate"] * busy))
    workers = math.ceil(each / (f["worker_rate"] * busy))
    queues = math.ceil(each * f["queue_us"] / 1e6 / busy)
    cores = each * sum(f[name] for name in ("collector_us", "worker_us", "database_us", "queue_us")) / 1e6 / busy
    together = cores <= _TOGETHER_VCPU
    sqlite = together and kept_gb <= f["sqlite_gb"]
    database_vcpu = 0 if together else max(2, math.ceil(each * f["database_us"] / 1e6 / busy))
    # One core more for page, API, reports and cron.
    vcpu = max(2, math.ceil(cores) + 1) if together else collectors + workers + queues + database_vcpu + 1
    queue_gib = each * f["outage_s"] * f["entry_bytes"] / 2**30
    programs = (collectors * f["collector_mib"] + workers * f["worker_mib"] + f["others_mib"]) / 1024
    memory = (
        programs + queue_gib + max(0 if sqlite else 2, database_vcpu) * f["database_gib_per_vcpu"] + (1 if sqlite else 0)
    )
    machines = 1 if together else math.ceil((collectors + workers + 1) / _APPLICATION_VCPU) + queues + 1
    fixed = installations * (vcpu * f["vcpu_price"] + memory * f["gib_price"])
    return Plan(
        rate=rate,
        installations=installations,
        database="SQLite" if sqlite else "PostgreSQL",
        collectors=collectors,
        workers=workers,
        partitions=max(PARTITIONS, 2 ** math.ceil(math.log2(4 * workers))),
        queues=queues,
        database_vcpu=database_vcpu,
        vcpu=installations * vcpu,
        memory_gib=installations * memory,
        queue_gib=installations * queue_gib,
        machines=installations * machines,
        day_gb=day_gb,
        kept_days=days,
        kept_gb=kept_gb,
        dollars=fixed + kept_gb * f["disk_price"],
    )


def event_bytes(figures: Figures) -> float:
    """Return the bytes of an event in PostgreSQL with its share of its visit and its visitor."""
    visit = figures["visit_bytes"] / figures["events_per_visit"]
    return figures["event_bytes"] + visit + figures["visitor_bytes"] / figures["events_per_visitor"]


def limits(figures: Figures) -> list[Limit]:
    """Return where the parts of one installation are full, the first to be so first."""
    f, busy = figures, figures["busy"]
    kept = f["volume_tb"] * 1e12 * f["peak"] / (event_bytes(f) * _DAY_S)
    found = [
        Limit("one collector process", f["collector_rate"] * busy, "more of them behind the proxy, one a core"),
        Limit("one worker", f["worker_rate"] * busy, "raise `WARMTRAIL_SLOTS`: a worker a slot"),
        Limit(
            f"{PARTITIONS} partitions, a worker each", PARTITIONS * f["worker_rate"] * busy, "raise `WARMTRAIL_PARTITIONS`"
        ),
        Limit("one Valkey server, one thread", 1e6 / f["queue_us"] * busy, "a server of the streams' own, then a cluster"),
        Limit("CPU of the largest database machine", f["largest_database"] * 1e6 / f["database_us"] * busy, "installations"),
        Limit("the database's log", f["log_mb_s"] * 1e6 / f["log_bytes"] * busy, "a faster disk for the log; installations"),
        *(
            Limit(f"the largest disk, {days} days kept", kept / days, "keep for fewer days; installations")
            for days in KEPT_DAYS.values()
        ),
    ]
    return sorted(found, key=lambda limit: limit.rate)
