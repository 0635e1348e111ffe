"""The functions that RQ runs. Each may run twice, or on two machines at once, and does no harm by it."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import cache

import msgspec
import redis
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.worker import BaseWorker
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError

from scorer import class_assignment, class_requests, draft_cards, mail_ledgers, scrubbing, trainings, webhook_log
from scorer.activity import activity
from scorer.archive import erasures as archive_erasures
from scorer.attendants import attend
from scorer.audit_checking import LATEST, check, take_in
from scorer.claims import expire
from scorer.cooling import announce_cooled
from scorer.core.decay import DAY_MS
from scorer.digesting import Tally, send_due
from scorer.exploring import draw_for_all
from scorer.idempotency import forget_answers
from scorer.insights import refresh
from scorer.log_parts import open_parts
from scorer.mail.letters import Sender
from scorer.mailing import Mailer
from scorer.rescoring import fill, is_wanted
from scorer.resources import DRAIN_JOB, Resources, now_ms
from scorer.retention import forget_old
from scorer.scoring import score_visitors
from scorer.snoozing import wake
from scorer.worker_names import new_worker_name
from tracker import queue
from tracker.checkpoints import Checkpoints
from tracker.drain import drain, spare_what_is_loaded
from tracker.embedded import url_if_running
from tracker.log import get_logger
from tracker.settings import SettingError, read_settings
from tracker.sites import load_sites

log = get_logger(__name__)

AGAIN_SECONDS = 0.3
"""Between an outage of Redis and the next try."""
OUTAGE_SECONDS = 200
"""How long a drain waits in its job for the end of an outage."""
LONGEST_PAUSE_SECONDS = 2.0
"""Between two of its tries."""
RESCORE_SECONDS = 8
"""After which rescoring leaves the queue to the other jobs for a moment; cron enqueues it again every 10."""
DIGEST_SECONDS = 8
"""The same for the sending of digests."""
MAIL_AWAY_KEY = "warmtrail:mail:away"
"""Stands in Redis while the mail server is left alone."""
MAIL_AWAY_SECONDS = 300

_trying: subprocess.Popen[bytes] | None = None
"""The last process that this worker process began to try drafts."""
_training: subprocess.Popen[bytes] | None = None
"""The last training that this worker process began."""
_archiving: subprocess.Popen[bytes] | None = None
"""The last process that this worker process began to keep the archive."""
_stopping = threading.Event()
"""Set when this worker process is asked to stop: a drain lives as long as there is work, and must notice."""


class DrainWorker(SimpleWorker):
    """An RQ worker that tells the job under way when it is asked to stop."""

    def handle_warm_shutdown_request(self) -> None:
        """Called by RQ on the first SIGTERM or SIGINT."""
        _stopping.set()
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]


@cache
def resources() -> Resources:
    """Return this process's connections, opened from its own settings."""
    settings = read_settings()
    url = settings.redis_url or url_if_running(settings.data_dir)
    if url is None:
        raise SettingError(
            "WARMTRAIL_REDIS_URL is not set and the service's own server does not run; start warmtrail up",
            "没有设置 WARMTRAIL_REDIS_URL，且自带的服务器没有运行；请启动 warmtrail up",
        )
    return Resources(settings, url)


def drain_slot(slot: int) -> None:
    """Process what waits in the partitions of *slot* until they are dry.

    Enqueued by the collector after an append to a sleeping slot, and by ``sweep``. Run twice at once, the second leaves.
    """
    here = resources()
    settings = here.settings
    lease = queue.Lease(here.control, slot, f"{_machine()}:{os.getpid()}:{secrets.token_hex(4)}")
    partitions = queue.partitions_of(slot, settings.slot_count, here.layouts())
    again = _through_outages(
        lambda: drain(here.database, here.streams, here.control, lease, partitions, score_visitors, _stopping.is_set)
    )
    if again:
        queue.enqueue_drain(here.control, slot, DRAIN_JOB)


def _through_outages(work: Callable[[], bool]) -> bool:
    """Return what *work* returns, having done it again while database or Redis were away.

    A job that fails leaves its slot taken until the lease has run out, and then waits for the next sweep; this one goes on
    as soon as it can. After ``OUTAGE_SECONDS`` it fails nevertheless, so that no job outlives its time limit.
    """
    until, pause = time.monotonic() + OUTAGE_SECONDS, AGAIN_SECONDS
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError, InternalError, redis.RedisError) as error:
            log.warning("drain_interrupted", error=type(error).__name__)
            if time.monotonic() > until or _stopping.wait(pause):
                raise
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def sweep() -> None:
    """Wake the drain of each slot that has entries and nobody looking after them.

    Enqueued by cron: so a wake-up that was lost costs seconds, never events. Completes a raise of the partitions that died.
    """
    here = resources()
    settings = here.settings
    layouts = here.agreed_layouts()
    for slot in range(settings.slot_count):
        partitions = queue.partitions_of(slot, settings.slot_count, layouts)
        if queue.count_entries(here.streams, partitions):
            queue.wake_surely(here.control, slot, DRAIN_JOB)


def cool() -> None:
    """Announce leads that have cooled. Enqueued by cron."""
    here = resources()
    with here.database.writing() as connection:
        cooled = announce_cooled(connection, now_ms())
    if cooled:
        log.info("leads_cooled", count=cooled)
        here.control.publish(queue.COMMITTED_CHANNEL, b"1")


def clear_leads() -> None:
    """End claims whose time is up and wake leads whose rest is over. Enqueued by cron."""
    here = resources()
    with here.database.writing() as connection:
        expired = expire(connection, now_ms())
    with here.database.writing() as connection:
        woken = wake(connection, now_ms())
    if expired or woken:
        log.info("leads_cleared", expired=expired, woken=woken)
        here.tell_committed()


def explore() -> None:
    """Draw this week's exploratory leads, where that wasn't done. Enqueued by cron once a day."""
    here = resources()
    drawn = draw_for_all(here.database, now_ms())
    if drawn:
        log.info("leads_drawn", count=drawn)


def refresh_insights() -> None:
    """Reckon what deals are worth and what to recommend, where that is missing or too old. Enqueued by cron."""
    refresh(resources().database, now_ms(), _stopping.is_set)


def refresh_classes() -> None:
    """Have the classes and groups of every site learned anew on which anything has happened. Enqueued by cron once a day."""
    here = resources()
    with here.database.reading() as connection:
        known = {site_id: activity(connection, site_id) for site_id in sorted(load_sites(connection))}
    for site_id, happened in known.items():
        if not class_requests.is_learned(here.control, site_id, happened):
            class_requests.ask_to_learn(here.control, site_id, now_ms())


def learn_classes(site_id: int) -> None:
    """Learn the classes and groups of a site, then have every lead told of. Enqueued by the page and daily.

    Run twice, it stores the same. Without the extra ``[learn]`` new leads are still told of, by what was learned before.
    """
    here = resources()
    progress = class_requests.Learning("learning", now_ms())
    class_requests.tell(here.control, site_id, progress)
    with here.database.reading() as connection:
        class_requests.begin_learning(here.control, site_id, activity(connection, site_id))
    try:
        from scorer.learning.classes_job import learn_site

        learn_site(here.database, site_id, now_ms())
        class_requests.tell(here.control, site_id, msgspec.structs.replace(progress, state="telling"))
    except ImportError:
        trouble = class_requests.NO_LEARNING
        class_requests.tell(here.control, site_id, msgspec.structs.replace(progress, state="failed", trouble=trouble))
    except Exception:
        class_requests.tell(here.control, site_id, msgspec.structs.replace(progress, state="failed"))
        raise
    class_requests.ask_to_assign(here.control, site_id, "")


def assign_classes(site_id: int, after: str) -> None:
    """Say of the leads of a site after one what they are taken to be. Enqueued by ``learn_classes`` and by itself.

    Each run works for some seconds and leaves the queue to the other jobs for a moment. What is lost with Redis is done the
    next day.
    """
    here = resources()
    until = time.monotonic() + RESCORE_SECONDS
    place = class_assignment.assign(
        here.database, site_id, after=after, stopping=lambda: _stopping.is_set() or time.monotonic() > until
    )
    if place is not None:
        class_requests.ask_to_assign(here.control, site_id, place)
        return
    class_requests.end_learning(here.control, site_id)
    progress = class_requests.how_far(here.control, site_id)
    if progress is not None and progress.state == "telling":
        class_requests.tell(here.control, site_id, None)


def forget_requests() -> None:
    """Forget what was answered to requests with an idempotency key. Enqueued by cron once a day."""
    with resources().database.writing() as connection:
        forget_answers(connection, now_ms())


def rescore() -> None:
    """Go on making the scores by cards that are being filled, and switch to those that are. Enqueued by cron.

    Each run works for some seconds, and the next one goes on from there; so does the first one after a crash.
    """
    here = resources()
    with here.database.reading() as connection:
        if not is_wanted(connection):
            return
    until = time.monotonic() + RESCORE_SECONDS
    if fill(here.database, now_ms, stopping=lambda: _stopping.is_set() or time.monotonic() > until):
        here.control.publish(queue.COMMITTED_CHANNEL, b"1")


def train() -> None:
    """Begin with the training that has waited longest, in a process of its own. Enqueued by cron and by who asks for one.

    Twice at once, one takes it. This process has one training under way at most, and goes on with other jobs meanwhile. Of
    a training that nobody works on any more it says that it has failed.
    """
    here = resources()
    with here.database.reading() as connection:
        if not trainings.is_wanted(connection):
            return
    is_busy = _training is not None and _training.poll() is None
    with here.database.writing() as connection:
        trainings.give_up_silent(connection, now_ms())
        taken = None if is_busy or not trainings.has_extra() else trainings.take(connection, now_ms())
    if taken is not None:
        _begin_training(taken)


def learn_all() -> None:
    """Ask for the training of each site that has won anything. Enqueued by cron once a week."""
    with resources().database.writing() as connection:
        asked = trainings.ask_for_all(connection, now_ms())
    log.info("trainings_asked_for", count=len(asked))


def _begin_training(training_id: int) -> None:
    global _training
    _training = subprocess.Popen([sys.executable, "-m", "scorer.learning.job", str(training_id)])  # noqa: S603


def try_drafts() -> None:
    """Have the scorecards tried that people are working on, in a process of its own. Enqueued by the page, and by cron.

    Twice at once, one process tries them all: this one begins another only when the last has ended.
    """
    global _trying
    is_busy = _trying is not None and _trying.poll() is None
    if not is_busy and draft_cards.are_asked(resources().control):
        _trying = subprocess.Popen([sys.executable, "-m", "scorer.draft_trials"])


def archive() -> None:
    """Have the archive brought up to date, in a process of its own. Enqueued by cron each hour.

    Twice at once, the second process finds the first at work and leaves. Without an archive nobody has to be forgotten in
    one.
    """
    global _archiving
    here = resources()
    if here.settings.archive_url is None:
        with here.database.writing() as connection:
            archive_erasures.forget_asked(connection, now_ms() - archive_erasures.KEPT_MS)
    elif _archiving is None or _archiving.poll() is not None:
        _archiving = subprocess.Popen([sys.executable, "-m", "scorer.archive.job"])


def forget() -> None:
    """Forget visitors that the retention setting says to forget. Enqueued by cron once a day."""
    here = resources()
    settings, now = here.settings, now_ms()
    letter_days = settings.dead_letter_days or settings.retention_days
    before_ms, letters_before_ms = now - settings.retention_days * DAY_MS, now - letter_days * DAY_MS
    forgotten = forget_old(here.database, before_ms, now, letters_before_ms)
    if forgotten:
        log.info("visitors_forgotten", count=forgotten)
    opened = open_parts(here.database, now_ms())
    if opened:
        log.info("log_parts_opened", parts=opened)
    scrubbing.ask(here.control)


def scrub() -> None:
    """Clean the files of what was erased. Enqueued by cron; nothing to be done is found out by one small query."""
    here = resources()
    scrubbing.scrub(here.database, here.streams, here.control, here.settings.partitions, now_ms())


def clean_deliveries() -> None:
    """Delete deliveries of webhooks that are older than 30 days. Enqueued by cron once a day."""
    here = resources()
    while True:
        with here.database.writing() as connection:
            cleaned = webhook_log.clean_deliveries(connection, now_ms())
        if cleaned < webhook_log.CLEANED_AT_ONCE:
            return


def clean_ledgers() -> None:
    """Delete what is old from the ledgers of alerts and digests. Enqueued by cron once a day."""
    here = resources()
    more = True
    while more:
        with here.database.writing() as connection:
            more = mail_ledgers.clean_ledgers(connection, now_ms())


def log_audit_heads() -> None:
    """Log the head of each site's audit log, to be kept with the logs, and what is wrong with its last lines. Enqueued by
    cron once a day. Takes lines in that a program of the version before has written."""
    here = resources()
    with here.database.reading() as connection:
        site_ids = sorted(load_sites(connection))
    with here.database.writing() as connection:
        taken = take_in(connection, site_ids)
    if taken:
        log.warning("audit_lines_taken_in", count=taken)
    with here.database.reading() as connection:
        for site_id in site_ids:
            checked = check(connection, site_id, LATEST)
            log.info("audit_head", site=site_id, number=checked.lines, chain=checked.chain)
            if checked.broken is not None:
                log.error("audit_log_broken", site=site_id, number=checked.broken.number, fault=checked.broken.fault)


def digest() -> None:
    """Send the digests that are due, if there is a mail server. Enqueued by cron.

    Each run works for some seconds, and the next one goes on from there. A mail server that is away is left alone for
    some minutes: waiting for it would hold up the other jobs.
    """
    here = resources()
    if here.control.exists(MAIL_AWAY_KEY):
        return
    until = time.monotonic() + DIGEST_SECONDS
    sender = Sender(here.settings.url, here.secret)
    with Mailer(here.settings) as mailer:
        tally = send_due(
            here.database, mailer, sender, now_ms, stopping=lambda: _stopping.is_set() or time.monotonic() > until
        )
    if tally.server_away:
        here.control.set(MAIL_AWAY_KEY, b"1", ex=MAIL_AWAY_SECONDS)
    if tally != Tally():
        log.info("digests_sent", **msgspec.structs.asdict(tally))


def work(queue_name: str, slot: int | None) -> None:
    """Run jobs of one queue in this process until told to stop. An outage of Redis is waited out.

    One queue a worker: RQ keeps a job that dies between two lists only for a worker with one queue. The worker of the
    queue ``care`` also does what waits for lead changes.
    """
    here = resources()
    if queue_name == queue.CARE_QUEUE:
        attend(here)
        if here.database.is_sqlite:
            Checkpoints(here.database).start()
    spare_what_is_loaded()
    while not _stopping.is_set():
        try:
            if slot is not None:
                _take_over(here, slot)
            name = new_worker_name()
            worker: BaseWorker = DrainWorker([queue_name], name, connection=here.control, maintenance_interval=60)
            # Also returns when Redis goes away during a job.
            worker.work(logging_level="WARNING")
            _stopping.wait(AGAIN_SECONDS)
        except redis.RedisError as error:
            log.warning("worker_interrupted", queue=queue_name, error=type(error).__name__)
            _stopping.wait(AGAIN_SECONDS)
        except StopRequested:
            return  # Asked to between two workers: RQ's handler of the signal is the last one's still.


def _take_over(here: Resources, slot: int) -> None:
    """Look after *slot* at once: a worker that was killed, or this one before an outage, may have left it taken."""
    held = here.control.get(queue.slot_key(slot))
    machine, _, rest = held.decode().partition(":") if isinstance(held, bytes) else ("", "", "")
    process_id = int(rest.partition(":")[0]) if machine == _machine() else 0
    if process_id == os.getpid() or (process_id and not _is_alive(process_id)):
        here.control.delete(queue.slot_key(slot))
    queue.wake_surely(here.control, slot, DRAIN_JOB)


def _machine() -> str:
    return socket.gethostname().replace(":", "-")


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
