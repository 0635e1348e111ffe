"""What the code offers is in the documentation, and no link in it leads nowhere. The lists are the code's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import click
import pytest

from scorer import data_map  # noqa: F401  # so that the metadata has all tables
from scorer.cli import cli
from scorer.core.personal_data import KEPT
from scorer.outlets.routes import ROUTES as API_ROUTES
from tracker.collect import ROUTES as COLLECT_ROUTES
from tracker.collector import make_blueprint
from tracker.core.refusals import FilterLabel, all_refusals
from tracker.core.weblogs import FORMATS
from tracker.health import make_health_blueprint
from tracker.models import metadata
from tracker.settings import Settings
from tracker.sites import SiteSettings

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


@cache
def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def commands(group: click.Group, before: str = "warmtrail") -> Iterator[str]:
    """Every command of the command line, as it is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before} {name}")
        elif not command.hidden:
            yield f"{before} {name}"


def public_routes() -> Iterator[str]:
    """Every route of the collector, as the documentation writes it."""
    from flask import Flask
    from prometheus_client import CollectorRegistry

    app = Flask("documented", static_folder=None)
    app.register_blueprint(make_health_blueprint(str, CollectorRegistry()))
    app.register_blueprint(make_blueprint(None, "/v1"))  # type: ignore[arg-type]  # it is not asked for anything
    for rule in app.url_map.iter_rules():
        if "any(" not in rule.rule:
            yield rule.rule
    yield from (f"/v1/{name}" for name in COLLECT_ROUTES)


def missing(wanted: Iterator[str] | list[str] | tuple[str, ...], text: str) -> list[str]:
    return sorted({one for one in wanted if one not in text})


def table_rows(text: str) -> list[list[str]]:
    """The cells of every line of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]


def first_cells(text: str) -> set[str]:
    """What the first cell of a table's row names in back quotes."""
    return {name for row in table_rows(text) for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_setting_is_explained() -> None:
    names = [f"WARMTRAIL_{name.upper()}" for name in Settings.__struct_fields__]
    assert set(names) - first_cells(page("docs/settings.md")) == set()


def test_every_setting_that_is_explained_exists() -> None:
    told = {name for name in first_cells(page("docs/settings.md")) if name.startswith("WARMTRAIL_")}
    assert told - {f"WARMTRAIL_{name.upper()}" for name in Settings.__struct_fields__} == set()


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_the_default_of_a_setting_is_the_one_told(name: str) -> None:
    default = getattr(Settings(), name)
    row = next(row for row in table_rows(page("docs/settings.md")) if row[0] == f"`WARMTRAIL_{name.upper()}`")
    if isinstance(default, int | float):
        assert row[1] == f"{default:g}" if isinstance(default, float) else str(default)
    elif default is not None:
        assert row[1] == f"`{'./var' if name == 'data_dir' else default}`"


def test_every_setting_of_a_site_is_explained() -> None:
    assert set(SiteSettings.__struct_fields__) - first_cells(page("docs/settings.md")) == set()


def test_every_refusal_has_a_row() -> None:
    assert all_refusals() - first_cells(page("docs/events.md")) - first_cells(page("docs/import-leads.md")) == set()


def test_every_filter_label_has_a_row() -> None:
    assert set(get_args(FilterLabel)) - first_cells(page("docs/events.md")) == set()


def test_every_log_format_is_named() -> None:
    assert missing([f"`{name}`" for name in FORMATS], page("docs/events.md")) == []


def test_every_command_is_listed() -> None:
    assert missing([f"`{command}`" for command in commands(cli)], page("docs/operations.md")) == []


def test_every_route_of_the_sales_api_is_listed() -> None:
    assert missing([f"`{route.method} {route.path}`" for route in API_ROUTES], page("docs/api.md")) == []


def test_every_public_route_is_listed() -> None:
    assert missing(public_routes(), page("docs/events.md")) == []


def test_the_shipped_card_is_told_as_it_is() -> None:
    rows = {row[0].strip("`"): row for row in table_rows(page("docs/scoring.md")) if len(row) == 5}
    for rule in json.loads(page("scorer/cards/default.json"))["rules"]:
        buckets = " · ".join(f"{points:g} from {seconds:g} s" for seconds, points in rule.get("buckets", []))
        _, _, points, cap, stage = rows[rule["id"]]
        told = (points, cap.split()[0].rstrip(","), stage)
        assert told == (buckets or f"{rule['points']:g}", str(rule["cap_per_day"]), rule.get("stage", "")), rule["id"]


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_no_link_leads_nowhere(path: Path) -> None:
    dead = []
    for link in _LINK.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        wanted = (path.parent / target).resolve() if target else path
        if not wanted.exists() or (anchor and anchor not in anchors(wanted)):
            dead.append(link)
    assert dead == []


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors that a page's headings get when it is shown."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text(encoding="utf-8")))
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def test_every_table_with_rows_of_a_person_is_told_of() -> None:
    told = page("docs/privacy.md")
    assert [one.table for one in KEPT if f"| `{one.table}` | {one.purpose.en} | {one.ends.en} |" not in told] == []


def test_the_architecture_names_every_table_and_no_other() -> None:
    _, _, section = page("docs/architecture.md").partition("\n## Tables\n")
    rows = [line.split("|")[1] for line in section.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == {*metadata.tables, "alembic_version"}
