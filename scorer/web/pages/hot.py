"""The hot leads: who is about to buy, why, and what to do next; live, with what salespeople do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Any, Final

import msgspec
from flask import Response, request

from scorer import segments
from scorer.core.decay import DAY_MS
from scorer.core.domain_names import readable
from scorer.core.labels import Label, pick
from scorer.core.lost_reasons import offered
from scorer.core.working_hours import local_time
from scorer.deal_values import valuation_tag
from scorer.hot_list import Ranked
from scorer.lead_views import LeadRow, Viewpoint, view_leads
from scorer.outlets.csv_export import Cell, csv_lines
from scorer.outlets.shapes import Lead
from scorer.users import owner_names
from scorer.web.acting import Kind, act, chosen_leads, read_act, said
from scorer.web.call import Call, PageRefusal, Route
from scorer.web.hot_query import HotQuery, after_place, find_explored, find_hot, place_of, topics_of
from scorer.web.pages.signing_in import own_path
from scorer.web.rendering import redirect, render
from scorer.web.words import word

SHOWN: Final = 50
EXPORTED_AT_MOST: Final = 1000
_HOUR_MS: Final = DAY_MS // 24

COLUMNS: Final = (
    *(Label("Score", "得分"), Label("Name", "姓名"), Label("Job title", "职务"), Label("E-mail address", "邮箱")),
    *(Label("Phone", "电话"), Label("Company", "公司"), Label("Why", "原因"), Label("What next", "下一步")),
    *(Label("Due", "截止时间"), Label("Because", "理由"), Label("Stage", "阶段"), Label("Fit", "匹配度")),
    *(Label("Expected value", "预期价值"), Label("Value if won", "成交价值"), Label("Currency", "币种")),
    *(Label("Interest", "关注主题"), Label("Owner", "负责人"), Label("Last seen", "最近出现"), Label("Link", "链接")),
)
"""Headings of the exported list."""


def show(call: Call) -> Response:
    """The list, hottest first. To a script that has it already: 304."""
    asked, view = call.read(HotQuery), call.view
    ranked = find_hot(call, view, asked, place_of(view, asked), SHOWN)
    names = owner_names(call.connection, view.site.id)
    drawn = find_explored(call, view, asked)
    tag = _tag(call, view, ranked, drawn, names)
    if call.is_partial and request.if_none_match.contains_weak(tag):
        return Response(status=304, headers={"ETag": f'W/"{tag}"'})
    shown, top = view_leads(call.connection, view, [*ranked.rows, *drawn]), call.address_with(after=None)
    leads, explored = shown[: len(ranked.rows)], shown[len(ranked.rows) :]
    response = render(
        call,
        "hot_list.html" if call.is_partial else "hot.html",
        asked=asked,
        leads=leads,
        explored=explored,
        names=names,
        tag=tag,
        address=call.address_with(),
        top=top,
        csv=top.replace("/hot", "/hot.csv", 1),
        **for_questions(call, view),
        further=call.address_with(after=after_place(view, ranked.next)) if ranked.next else "",
        topics=topics_of(view, leads, asked),
        segments=[] if call.is_partial else segments.list_segments(call.connection, view.site.id),
    )
    response.headers["ETag"] = f'W/"{tag}"'
    return response


def export(call: Call) -> Response:
    """The same list as a table, all of its pages (the first thousand leads)."""
    asked, view = call.read(HotQuery), call.view
    ranked = find_hot(call, view, msgspec.structs.replace(asked, after=None), None, EXPORTED_AT_MOST)
    names = owner_names(call.connection, view.site.id)
    # With filters a page may be short and not be the last.
    while ranked.next is not None and len(ranked.rows) < EXPORTED_AT_MOST:
        more = find_hot(call, view, asked, ranked.next, EXPORTED_AT_MOST - len(ranked.rows))
        ranked = Ranked([*ranked.rows, *more.rows], more.next)
    leads = view_leads(call.connection, view, ranked.rows)
    cells = (_cells(call, lead, names) for lead in leads)
    lines: Iterator[str] = csv_lines([pick(one, call.language) for one in COLUMNS], cells, bom=True)
    headers = {"Content-Disposition": 'attachment; filename="hot-leads.csv"'}
    return Response("".join(chain(lines)), content_type="text/csv; charset=utf-8", headers=headers)


def do(kind: Kind, call: Call) -> Response:
    """Claim, release, put off or decide on the leads that are chosen."""
    asked = read_act(call, kind)
    done = act(call, asked, chosen_leads(call))
    text = said(call, asked, done)
    if not done.leads:
        raise PageRefusal(409, text)
    if call.is_partial:
        return render(call, "said.html", text=text, tone="bad" if done.refused else "good")
    return redirect(own_path(call.form.get("back", "")), toast=text)


def for_questions(call: Call, view: Viewpoint) -> dict[str, Any]:
    """Return what the dialogs of ``macros/leads.html`` need: the first day to put a lead off to, the likely currency, and
    the reasons for losing a lead."""
    tomorrow = local_time(call.now_ms, call.zone).date() + timedelta(days=1)
    return {"tomorrow": tomorrow.isoformat(), "currency": "CNY" if view.site.settings.language == "zh" else "EUR"} | {
        "lost_reasons": offered(view.site.settings.lost_reasons, call.language)
    }


def _tag(call: Call, view: Viewpoint, ranked: Ranked, drawn: list[LeadRow], names: dict[str, str]) -> str:
    """Return what stands for the list as it is shown, told without reading more about the leads than their rows. The hour
    stands for what fades, as in the API's tags."""
    told: list[Any] = [view.site.id, view.stored.id, view.language, str(call.zone), view.now_ms // _HOUR_MS]
    told += [call.may("sales"), call.me.email, sorted(names.items()), call.address_with(), ranked.next]
    told.append(valuation_tag(call.connection, view.site.id, view.stored.id))
    rows = [*ranked.rows, *drawn]
    told += [(row.id, row.version, row.revision, round(view.card.score(row.heat, view.now_ms))) for row in rows]
    told.append(len(drawn))
    return blake2b(msgspec.msgpack.encode(told), digest_size=12).hexdigest()


def _cells(call: Call, lead: Lead, names: dict[str, str]) -> tuple[Cell, ...]:
    language, company, worth = call.language, lead.company, lead.expected_value
    return (
        *(round(lead.score), lead.name, lead.title, lead.email, lead.phone),
        (company.name or readable(company.domain)) if company else None,
        lead.reasons[0].text if lead.reasons else None,
        *(lead.next_step.label, lead.next_step.due, lead.next_step.why),
        word("stage", lead.stage, language) if lead.stage else None,
        lead.fit.grade,
        *((worth.amount, worth.if_won, worth.currency) if worth else (None, None, None)),
        lead.interests[0].label if lead.interests else None,
        names.get(lead.owner, lead.owner) if lead.owner else None,
        *(lead.last_seen, lead.url),
    )


ROUTES: Final = (
    Route("GET", "/hot", "hot", show),
    Route("GET", "/hot.csv", "hot_csv", export),
    Route("POST", "/hot/claim", "hot_claim", partial(do, "claim"), "sales"),
    Route("POST", "/hot/release", "hot_release", partial(do, "release"), "sales"),
    Route("POST", "/hot/snooze", "hot_snooze", partial(do, "snooze"), "sales"),
    Route("POST", "/hot/outcome", "hot_outcome", partial(do, "outcome"), "sales"),
)
