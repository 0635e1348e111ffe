"""Commands for the weekly digest: who gets it, what it says, and sending it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Column, Table
from rich.text import Text
from sqlalchemy import Connection

from scorer.cli.common import by_option, console, json_option, print_json, service, the_site
from scorer.cli.digest_words import WORDS, say
from scorer.cli.language import Mistake, language_option
from scorer.core.digest_weeks import Week, last_week, week_of
from scorer.core.digest_words import weekday_words
from scorer.core.formats import moment_text
from scorer.core.labels import Language
from scorer.core.mail_reasons import told
from scorer.digesting import Content, Writer, due_digests, send_again, send_due
from scorer.digests import Digest, LedgerRow, find_digest, last_row_of_each, list_digests, remove_digest, subscribe
from scorer.mail.letters import Sender
from scorer.mailing import Mailer
from scorer.resources import Resources, now_ms
from tracker.settings import Settings

_WHOLE = ("id", "next", "week")
"""Columns of what is copied or compared: not to be broken to fit a narrow window."""


@click.group(invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Say what is due now and what would become of it. Sends nothing.")
@click.option("--send", is_flag=True, help="Send what is due now, as the running service does by itself.")
@language_option
@json_option
@click.pass_context
def digest(context: click.Context, dry_run: bool, send: bool, language: Language, as_json: bool) -> None:
    """The weekly digest by mail: --dry-run and --send, or one of the commands."""
    if context.invoked_subcommand is not None:
        if dry_run or send:
            raise Mistake("--dry-run and --send go without a command.", "--dry-run 与 --send 不能与命令同时使用。")
        return
    if dry_run == send:
        raise Mistake(
            "Say --dry-run or --send, or a command; see warmtrail digest --help.",
            "请给出 --dry-run、--send 或一个命令；参见 warmtrail digest --help。",
        )
    with service() as resources:
        if dry_run:
            _dry_run(resources, language, as_json)
        else:
            _send(resources, language, as_json)


def _dry_run(resources: Resources, language: Language, as_json: bool) -> None:
    now, writer = now_ms(), Writer(resources.settings.url)
    with resources.database.reading() as connection:
        found = []
        for one, slot in due_digests(connection, now):
            decision = writer.decide(connection, one, slot.week, now)
            state = "late" if slot.is_late(now) else decision.state
            subject = decision.written.subject if decision.written and state == "sent" else ""
            found.append((one, slot.week, state, subject, told(decision.reason, decision.detail, language)))
    if as_json:
        keys = ("digest", "email", "week", "state", "subject", "detail")
        rows = [dict(zip(keys, (one.id, one.email, week.name, *rest), strict=True)) for one, week, *rest in found]
        print_json({"mail_server": Mailer(resources.settings).available, "due": rows})
        return
    if not Mailer(resources.settings).available:
        console.print(say("no server", language), style="yellow")
    if not found:
        console.print(say("nothing due", language))
        return
    table = _table(("id", "email", "week", "what", "why"), language)
    for one, week, state, subject, detail in found:
        what = say("would send", language, subject=subject) if subject else say(state, language)
        table.add_row(one.id, Text(one.email), week.name, Text(what), Text(detail))
    console.print(table)


def _send(resources: Resources, language: Language, as_json: bool) -> None:
    with _mailer(resources.settings) as mailer:
        tally = send_due(resources.database, mailer, _sender(resources), now_ms)
    counts: dict[str, Any] = msgspec.to_builtins(tally)
    if as_json:
        print_json(counts)
        return
    told = [f"{say(name, language)}: {count}" for name, count in counts.items() if name in WORDS and count]
    console.print(", ".join(told) or say("nothing due", language))


@digest.command("add")
@click.argument("email")
@click.option("--site", "site_name", help="Site it is about; may be left out while there is only one.")
@click.option("--name", default="", help="Of the reader.")
@click.option("--segment", default="", help="Only the leads of this segment.")
@click.option("--language", "spoken", type=click.Choice(["en", "zh"]), help="Of the mail; left out: the site's.")
@click.option("--time-zone", default="", help="Of the reader; left out: the site's.")
@click.option("--weekday", type=click.IntRange(0, 6), default=0, show_default=True, help="On which it comes; 0 is Monday.")
@click.option("--hour", type=click.IntRange(0, 23), default=8, show_default=True)
@by_option
@language_option
@json_option
def digest_add(
    email: str,
    site_name: str | None,
    name: str,
    segment: str,
    spoken: str | None,
    time_zone: str,
    weekday: int,
    hour: int,
    by: str,
    language: Language,
    as_json: bool,
) -> None:
    """Subscribe an address to the digest of a site."""
    with service() as resources, resources.database.writing() as connection:
        made = subscribe(
            connection,
            the_site(connection, site_name),
            email,
            by,
            now_ms(),
            name=name,
            segment=segment,
            language=spoken or "",
            time_zone=time_zone,
            weekday=weekday,
            hour=hour,
        )
        available = Mailer(resources.settings).available
    if as_json:
        print_json(made)
        return
    day = moment_text(made.next_at or 0, made.zone, language)
    console.print(Text(say("added", language, email=made.email, id=made.id, day=f"{day} ({made.time_zone})")))
    if not available:
        console.print(say("no server", language), style="yellow")


@digest.command("list")
@click.option("--site", "site_name", help="Only of this site.")
@language_option
@json_option
def digest_list(site_name: str | None, language: Language, as_json: bool) -> None:
    """List who gets the digest, when, and what became of the last one."""
    with service() as resources, resources.database.reading() as connection:
        site_id = the_site(connection, site_name).id if site_name else None
        found, last = list_digests(connection, site_id), last_row_of_each(connection, site_id)
    now = now_ms()
    if as_json:
        print_json([{**msgspec.to_builtins(one), "last_mail": _told(last.get(one.id), now)} for one in found])
        return
    if not found:
        console.print(say("nobody", language))
        return
    table = _table(("id", "email", "leads", "comes", "next", "last", "why"), language)
    for one in found:
        row = last.get(one.id)
        comes = f"{weekday_words(one.weekday, language)} {one.hour:02}:00 {one.time_zone}"
        upcoming = _day(one.next_at, one) if one.next_at is not None else say("unsubscribed", language)
        what = f"{row.period} {_state(row, language, now)}" if row else ""
        leads, why = one.segment or say("all", language), row.why(language) if row else ""
        table.add_row(one.id, *(Text(cell) for cell in (one.email, leads, comes, upcoming, what, why)))
    console.print(table)


@digest.command("remove")
@click.argument("digest_id")
@by_option
@language_option
def digest_remove(digest_id: str, by: str, language: Language) -> None:
    """Remove a digest with the record of what was sent."""
    with service() as resources, resources.database.writing() as connection:
        found = _found(connection, digest_id)
        remove_digest(connection, found, by, now_ms())
    console.print(Text(say("removed", language, email=found.email)))


@digest.command("preview")
@click.argument("digest_id")
@click.option("--week", metavar="DATE", help="Monday of the week; left out: the last week that is over.")
@click.option("--html", "html", type=click.Path(dir_okay=False, path_type=Path), help="Write the HTML to this file.")
@language_option
@json_option
def digest_preview(digest_id: str, week: str | None, html: Path | None, language: Language, as_json: bool) -> None:
    """Show a digest as it would be sent now. Sends nothing."""
    with service() as resources, resources.database.reading() as connection:
        found = _found(connection, digest_id)
        meant = _week(found, week)
        content = _content(connection, resources, found, meant)
    if html is not None:
        html.write_text(content.written.html, encoding="utf-8")
    if as_json:
        empty = content.facts.is_empty
        print_json({"week": meant.name, "is_empty": empty, **msgspec.structs.asdict(content.written)})
        return
    click.echo(f"{content.written.subject}\n\n{content.written.text}")
    if content.facts.is_empty:
        console.print(say("empty", language), style="yellow")


@digest.command("resend")
@click.argument("digest_id")
@click.option("--week", metavar="DATE", help="Monday of the week; left out: the last week that is over.")
@language_option
def digest_resend(digest_id: str, week: str | None, language: Language) -> None:
    """Send the digest of a week again, by the same Message-ID, whatever became of it before."""
    with service() as resources:
        with resources.database.reading() as connection:
            found = _found(connection, digest_id)
        with _mailer(resources.settings) as mailer:
            send_again(resources.database, mailer, _sender(resources), found, _week(found, week), now_ms)
        with resources.database.reading() as connection:
            row = last_row_of_each(connection).get(found.id)
    if row is not None:
        console.print(Text(f"{found.email}: {_state(row, language, now_ms())} {row.why(language)}".rstrip()))


def _mailer(settings: Settings) -> Mailer:
    mailer = Mailer(settings)
    if not mailer.available:
        label = WORDS["no server"]
        raise Mistake(label.en, label.zh)
    return mailer


def _sender(resources: Resources) -> Sender:
    return Sender(resources.settings.url, resources.secret)


def _found(connection: Connection, digest_id: str) -> Digest:
    found = find_digest(connection, digest_id)
    if found is None:
        raise Mistake(
            f"There is no digest {digest_id!r}; warmtrail digest list shows all.",
            f"没有周报订阅 {digest_id!r}；可用 warmtrail digest list 查看。",
        )
    return found


def _content(connection: Connection, resources: Resources, found: Digest, week: Week) -> Content:
    content = Writer(resources.settings.url).read(connection, found, week, now_ms())
    if content is None:
        raise Mistake(f"There is no segment {found.segment!r} any more.", f"分组 {found.segment!r} 已不存在。")
    return content


def _week(found: Digest, text: str | None) -> Week:
    last = last_week(now_ms(), found.zone)
    if text is None:
        return last
    try:
        monday = date.fromisoformat(text)
    except ValueError:
        monday = date.max
    if monday.weekday() != 0 or monday > last.first:
        raise Mistake(
            f"--week is the Monday of a week that is over, like {last.name}, not {text!r}.",
            f"--week 应为已结束的一周的周一，例如 {last.name}，而不是 {text!r}。",
        )
    return week_of(monday, found.zone)


def _state(row: LedgerRow, language: Language, now: int) -> str:
    return say("unknown" if row.is_unknown(now) else row.state, language)


def _told(row: LedgerRow | None, now: int) -> dict[str, Any] | None:
    return {**msgspec.to_builtins(row), "unknown": row.is_unknown(now)} if row else None


def _day(at_ms: int, one: Digest) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(one.zone).strftime("%Y-%m-%d %H:%M")


def _table(names: tuple[str, ...], language: Language) -> Table:
    headings = [Column(say(name, language), no_wrap=name in _WHOLE) for name in names]
    return Table(*headings, box=None, header_style="bold")


COMMANDS = (digest,)
