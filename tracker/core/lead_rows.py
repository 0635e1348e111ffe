"""Rows of leads, as any CRM exports them: what each column is, and the Segment events a row becomes.

``map_columns`` reads the header, ``row_events`` a row; below them stand the readers of dates and of money. Nothing here
opens a file, and a cell is never more than data: a text that begins with ``=`` is that text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from tracker.core.admission import FUTURE_TOLERANCE_MS, OLDEST_MS
from tracker.core.events import LEAD_CREATED
from tracker.core.labels import LabelledError
from tracker.core.refusals import RowRefusal

DateOrder = Literal["dmy", "mdy"]
OutcomeKind = Literal["won", "lost", "disqualified", "contacted"]
StatusKind = OutcomeKind | Literal["open"]

EVENT_NAMES: Final[dict[OutcomeKind, str]] = {
    "won": "Lead Won",
    "lost": "Lead Lost",
    "disqualified": "Lead Disqualified",
    "contacted": "Lead Contacted",
}

FIELDS: Final[dict[str, str]] = {
    "id": "id|lead id|contact id|customer id|crm id|record id|user id|编号|线索编号|线索id|客户编号|客户id|联系人编号",
    "email": "email|e mail|email address|e mail address|mail|work email|business email"
    "|邮箱|电子邮箱|邮箱地址|电子邮件|邮件地址|公司邮箱|工作邮箱",
    "name": "name|full name|contact name|lead name|contact|contact person|姓名|联系人|联系人姓名|客户姓名|线索姓名",
    "first_name": "first name|given name|firstname|名|名字",
    "last_name": "last name|surname|family name|lastname|姓|姓氏",
    "title": "title|job title|position|job position|role|职位|职务|岗位|职称",
    "phone": "phone|phone number|mobile|mobile phone|mobile number|telephone|tel"
    "|电话|手机|手机号|手机号码|联系电话|电话号码|联系方式",
    "company": "company|company name|account|account name|organization|organisation|organization name"
    "|公司|公司名|公司名称|企业|企业名称|单位|单位名称|客户名称",
    "company_domain": "company domain|domain|website|web site|company website|网站|官网|公司网站|公司网址|网址|域名",
    "company_id": "company id|account id|organization id|公司编号|企业编号",
    "industry": "industry|sector|行业|所属行业|客户行业",
    "employees": "employees|number of employees|no of employees|employee count|headcount|company size"
    "|员工数|员工人数|人数|规模|公司规模|企业规模|人员规模",
    "country": "country|country code|国家|国家地区",
    "region": "region|state|province|state province|state region|省份|省|省市|地区|区域",
    "city": "city|town|城市|市|所在城市",
    "budget": "budget|预算|预算金额",
    "need": "need|needs|requirement|requirements|需求|客户需求",
    "source": "source|lead source|original source|utm source|来源|线索来源|客户来源",
    "channel": "channel|lead channel|渠道|来源渠道|线索渠道",
    "campaign": "campaign|campaign name|utm campaign|市场活动|推广活动|营销活动",
    "created_at": "created at|created|create date|created date|creation date|date created|created time|created on"
    "|创建时间|创建日期|录入时间|录入日期|登记时间|登记日期",
    "status": "status|lead status|stage|lead stage|deal stage|状态|线索状态|客户状态|跟进状态|阶段|销售阶段",
    "outcome": "outcome|result|deal result|结果|成交结果|跟进结果",
    "outcome_at": "outcome at|outcome date|close date|closed at|closed date|date closed|关闭时间|关闭日期|结束时间|结束日期",
    "won_at": "won at|won date|date won|成交时间|成交日期|赢单时间|赢单日期|签约时间|签约日期|签单日期",
    "lost_at": "lost at|lost date|date lost|输单时间|输单日期|丢单时间|丢单日期|流失时间|流失日期",
    "value": "value|amount|deal value|deal amount|deal size|revenue|金额|成交金额|成交额|合同金额|签约金额|订单金额",
    "currency": "currency|currency code|currency iso code|deal currency|币种|货币|货币单位",
    "reason": "reason|lost reason|loss reason|closed lost reason|won reason|原因|输单原因|丢单原因|流失原因|无效原因",
    "owner": "owner|lead owner|contact owner|deal owner|assigned to|sales rep|负责人|所有人|跟进人|销售|销售负责人|业务员",
    "note": "note|notes|comment|comments|remark|remarks|description|备注|说明|描述|跟进记录",
    "event": "event|event name|activity|activity type|事件|事件名称|活动类型|互动类型",
    "event_at": "event at|event date|event time|activity date|activity time|事件时间|事件日期|活动时间|活动日期|互动时间",
}
"""What a column may be, and the headings by which it is known without being told (in lower case, ``_`` as a space)."""

_FIELD_OF: Final = {heading: field for field, headings in FIELDS.items() for heading in headings.split("|")}
_STATUS_WORDS: Final[dict[StatusKind, str]] = {
    "won": "won|closed won|closedwon|win|customer|client|converted to customer|deal won"
    "|赢单|已赢单|成交|已成交|签约|已签约|签单|成功|客户|已转客户",
    "lost": "lost|closed lost|closedlost|deal lost|输单|已输单|丢单|流失|已流失|失败|战败|未成交",
    "disqualified": "disqualified|unqualified|not qualified|junk|spam|invalid|bad fit|bad data|duplicate"
    "|无效|无效线索|不合格|垃圾|垃圾线索|空号|重复",
    "contacted": "contacted|connected|working|in progress|attempting contact|已联系|联系中|跟进中|已跟进|沟通中",
    "open": "open|new|nurturing|nurture|qualified|mql|sql|lead|prospect|opportunity|negotiation|proposal"
    "|新|新建|新线索|未处理|未联系|未跟进|待跟进|待分配|待处理|商机|潜在客户|意向客户|谈判|报价",
}
_STATUS_OF: Final[dict[str, StatusKind]] = {word: kind for kind, words in _STATUS_WORDS.items() for word in words.split("|")}
_TRAIT_OF: Final = {"first_name": "firstName", "last_name": "lastName", "company_domain": "companyDomain"}
_TRAITS: Final = (
    *("note", "owner", "need", "budget", "campaign", "channel", "source", "city", "region", "country", "employees"),
    *("industry", "company_domain", "company", "phone", "title", "last_name", "first_name", "name", "email"),
)
"""Traits that say who it is come last: of a visitor the last fifty names are kept."""
_NUMBERS: Final = frozenset(("employees", "budget", "value"))
_GROUP_TRAITS: Final = {"company": "name", "company_domain": "domain"} | {
    name: name for name in ("industry", "employees", "country")
}
_EMPTY: Final = frozenset(("-", "--", "—", "N/A", "n/a", "#N/A", "NULL", "NaN", "\\N"))
_INVISIBLE_KEPT: Final = "\n\t\u200c\u200d"
"""Line ends and tabs, and what joins letters or the parts of an emoji."""
_LONGEST_ID: Final = 200
_LONGEST_NAME: Final = 60
_EMAIL: Final = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\".]+(?:\.[^@\s,;<>\".]+)+")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


class MappingError(LabelledError):
    """The columns of a file can't be mapped as asked; it names the column and says what would do."""


class Column(msgspec.Struct, frozen=True):
    """What becomes of one column of the file."""

    name: str
    """Its heading, or ``column 3`` where it has none."""
    field: str
    """One of ``FIELDS``, ``trait:name``, ``property:name``; empty for one that is left out."""
    why: Literal["map", "heading", "unknown", "ignore", "untitled"]
    """What decided that."""


class LeadPlan(msgspec.Struct, frozen=True):
    """What a file of leads doesn't say by itself."""

    zone: tzinfo
    """Zone of the times that name none."""
    now_ms: int
    columns: dict[str, str] = {}
    """Heading → field: these go before what the headings suggest."""
    ignored: frozenset[str] = frozenset()
    """Headings of columns that are left out."""
    strict: bool = False
    """Whether a column that is not mapped is an error; else it becomes a trait."""
    statuses: dict[str, StatusKind] = {}
    """Words for states of a lead, beside those that are known."""
    dates: DateOrder | None = None
    """Order of day and month where only the order tells them apart; ``None``: such a date is refused."""


class RefusedRow(msgspec.Struct, frozen=True):
    """Why a row is refused, and for which column; empty where it is the whole row."""

    reason: RowRefusal
    column: str = ""


class RowEvents(msgspec.Struct, frozen=True):
    """The events of a row: ``identify``, then as there is reason for them ``group`` and tracks."""

    events: list[dict[str, Any]]
    undated: int
    """How many of the tracks have the time of the import, since the row has none for them."""
    unknown_status: str
    """A state of the lead that no list of words has; empty where there is none such."""


class Moment(msgspec.Struct, frozen=True):
    """A time that was read."""

    at: int
    """Milliseconds since 1970 UTC."""
    to_the_day: bool
    """``True`` where only a day was given; ``at`` is its first moment."""


class Amount(msgspec.Struct, frozen=True):
    """A sum of money."""

    value: int | float
    currency: str
    """ISO 4217 code, where the sum's own sign tells it."""


def map_columns(header: Sequence[str], plan: LeadPlan) -> tuple[Column, ...]:
    """Return what each column of *header* is, in its order.

    ``plan.columns`` decides first, then the heading, the first of several that mean the same; any other column becomes
    a trait of its name in snake case. Raises ``MappingError``.

    >>> plan = LeadPlan(UTC, 0, columns={"mql_id": "id"})
    >>> [column.field for column in map_columns(["mql_id", "邮箱", "First Name", "Shoe size"], plan)]
    ['id', 'email', 'first_name', 'trait:shoe_size']
    """
    names = [_text(name) or f"column {number}" for number, name in enumerate(header, start=1)]
    _check_plan(plan, {_heading(name) for name in names})
    wanted = {_heading(name): read_field(field) for name, field in plan.columns.items()}
    ignored = {_heading(name) for name in plan.ignored}
    taken = {field for field in wanted.values() if field in FIELDS}
    traits = {field for field in wanted.values() if field not in FIELDS}
    traits |= {f"trait:{_TRAIT_OF.get(field, field)}" for field in _TRAITS}
    columns = []
    for given, name in zip(header, names, strict=True):
        heading = _heading(name)
        field = _FIELD_OF.get(heading, "")
        if heading in ignored:
            columns.append(Column(name, "", "ignore"))
        elif heading in wanted:
            # A second column of the same heading is a trait like any other.
            columns.append(Column(name, wanted.pop(heading), "map"))
        elif not _text(given):
            columns.append(Column(name, "", "untitled"))
        elif field and field not in taken:
            taken.add(field)
            columns.append(Column(name, field, "heading"))
        else:
            columns.append(Column(name, _free("trait:" + snake_case(name), traits), "unknown"))
            traits.add(columns[-1].field)
    unknown = [column.name for column in columns if column.why == "unknown"]
    if plan.strict and unknown:
        raise MappingError(
            f"Columns without a field: {', '.join(map(repr, unknown))}. Map or ignore them.",
            f"没有对应字段的列：{', '.join(map(repr, unknown))}。请指定或忽略。",
        )
    if not {"id", "email"} & taken:
        raise MappingError(
            f"No column is an id or an email; say which with --map COLUMN=id. There are: {', '.join(map(repr, names))}.",
            f"没有编号或邮箱列；请用 --map 列名=id 指定。文件中的列：{', '.join(map(repr, names))}。",
        )
    return tuple(columns)


def read_field(text: str) -> str:
    """Return the field that *text* names. Raises ``MappingError`` for one that doesn't exist.

    >>> read_field("won_at"), read_field("trait:Shoe size")
    ('won_at', 'trait:Shoe size')
    """
    kind, colon, name = text.strip().partition(":")
    if colon and kind in ("trait", "property") and name.strip():
        return f"{kind}:{name.strip()[:_LONGEST_NAME]}"
    if not colon and kind in FIELDS:
        return kind
    raise MappingError(
        f"There is no field {text!r}. There are: {', '.join(FIELDS)}, trait:NAME, property:NAME.",
        f"没有字段 {text!r}。可用的字段：{', '.join(FIELDS)}, trait:名称, property:名称。",
    )


def status_of(word: str) -> StatusKind | None:
    """Return the state of a lead that a word of a CRM means; ``None`` for one that isn't known.

    >>> status_of("Closed_Won"), status_of("输单"), status_of("perhaps")
    ('won', 'lost', None)
    """
    return _STATUS_OF.get(_heading(word))


def snake_case(name: str) -> str:
    """Return a column's name as that of a trait, at most 60 characters.

    >>> snake_case("Anzahl Maschinen (ca.)"), snake_case("leadScore2"), snake_case("意向 产品")
    ('anzahl_maschinen_ca', 'lead_score2', '意向_产品')
    """
    return _words(name).replace(" ", "_")[:_LONGEST_NAME].strip("_") or "column"


def row_events(cells: Sequence[str], columns: Sequence[Column], plan: LeadPlan, salt: bytes) -> RowEvents | RefusedRow:
    """Return the events of one row, or why it is refused; all of a row is taken or nothing.

    *salt* (1 to 64 bytes) is the site's. An event's id is a keyed digest of what the event says, so the same row, or
    another one that says the same, gives the same ids, and a changed one a new id only for the events that changed.
    A time that the row doesn't give is ``plan.now_ms`` and not part of the id.
    """
    surplus = cells[len(columns) :]
    if any(cell.strip() for cell in surplus):
        return RefusedRow("row_long")
    if len(cells) < len(columns):
        return RefusedRow("row_short")
    if any("\ud800" <= letter <= "\udfff" for cell in cells if not cell.isascii() for letter in cell):
        return RefusedRow("text_invalid")
    try:
        return _Row(cells, columns, plan, salt).read()
    except _Refusal as refusal:
        return refusal.row


def read_time(text: str, zone: tzinfo, dates: DateOrder | None = None) -> Moment | RowRefusal:
    """Return the time that *text* names, or why it can't be told. *zone* is that of times which name none.

    Read are ISO 8601, ``2025/3/1 9:05``, ``1.3.2025``, ``2025年3月1日 下午2点30分``, ``20250301``, ``3/25/2025 2:30 PM``,
    and seconds or milliseconds since 1970. Where day and month could change places, *dates* decides for the whole
    file; years have four digits.

    >>> read_time("03/04/2025", UTC), read_time("25/03/2025", UTC) == read_time("2025-03-25", UTC)
    ('date_ambiguous', True)
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if epoch := _EPOCH.fullmatch(text):
        return _plausible(Moment(int(epoch["s"]) * 1000 if epoch["s"] else int(epoch["ms"]), False))
    found = next((match for form in _DATES if (match := form.fullmatch(text))), None)
    if found is None:
        return "date_invalid"
    parts = found.groupdict()
    year, month, day = (int(parts.get(name) or 0) for name in ("year", "month", "day"))
    if parts.get("first"):
        first, second = int(parts["first"]), int(parts["second"])
        order = dates or ("dmy" if first > 12 or first == second else "mdy" if second > 12 else None)
        if order is None:
            return "date_ambiguous"
        day, month = (first, second) if order == "dmy" else (second, first)
    hour = _hour(int(parts["hour"] or 0), (parts["half"] or parts["half_after"] or "").lower())
    fraction = int((parts["fraction"] or "0").ljust(6, "0")[:6])
    try:
        moment = datetime(
            year, month, day, hour, int(parts["minute"] or 0), int(parts["second_of_minute"] or 0), fraction,
            tzinfo=_zone(parts["zone"]) or zone,
        )  # fmt: skip
        return _plausible(Moment(round(moment.timestamp() * 1000), parts["hour"] is None))
    except (ValueError, OverflowError):
        return "date_invalid"


def read_amount(text: str) -> Amount | None:
    """Return the sum of money that *text* names; ``None`` where it is none, is negative or could be two.

    The last of two separators is the decimal one. A single comma before three digits divides thousands; a single point
    before three digits is both in use, and not guessed. ``万``, ``亿``, ``k`` and ``M`` multiply.

    >>> [read_amount(text).value for text in ("1,234.50", "1.234,50 €", "¥ 12,000", "5万", "12.5k")]
    [1234.5, 1234.5, 12000, 50000, 12500]
    >>> read_amount("1.234") is read_amount("about 12") is None
    True
    """
    found = _AMOUNT.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None:
        return None
    digits = _plain(re.sub(r"[\s'’_]", "", found["digits"]))
    if digits is None or len(digits) > 30:
        return None
    value = float(digits) * _FACTORS[found["factor"].lower()]
    if value >= 1e15:
        return None
    value = round(value, 6)
    signs = {found["before"].upper(), found["after"].upper()} & _SIGNS.keys()
    currency = _SIGNS[signs.pop()] if len(signs) == 1 else ""
    return Amount(int(value) if value.is_integer() else value, currency)


class _Refusal(Exception):
    """Carries the refusal of a row out of the functions that read it."""

    def __init__(self, reason: RowRefusal, column: str = "") -> None:
        self.row = RefusedRow(reason, column)


class _Track(msgspec.Struct, frozen=True):
    """Something that happened to a lead; ``at`` is ``None`` where the row doesn't say when."""

    name: str
    properties: dict[str, Any]
    at: int | None


class _Row:
    """One row on its way to becoming events."""

    def __init__(self, cells: Sequence[str], columns: Sequence[Column], plan: LeadPlan, salt: bytes) -> None:
        self.plan = plan
        self.salt = salt
        self.column_of = {column.field: column.name for column in columns if column.field}
        self.said = {
            column.field: text
            for column, cell in zip(columns, cells, strict=False)
            if column.field and (text := _text(cell))
        }
        self.user_id = self.identity()
        self.created = self.moment("created_at")

    def identity(self) -> str:
        email, user_id = self.said.get("email", "").lower(), self.said.get("id", "")
        if email:
            if not _EMAIL.fullmatch(email) or len(email) > _LONGEST_ID:
                raise _Refusal("email_invalid", self.column_of["email"])
            self.said["email"] = email
        if len(user_id) > _LONGEST_ID:
            raise _Refusal("too_large", self.column_of["id"])
        if not user_id and not email:
            raise _Refusal("identity_missing")
        return user_id or email

    def read(self) -> RowEvents:
        status, unknown_status = self.status()
        outcome = self.outcome(status)
        tracks = [track for track in (self.lead_created(), self.touch(), outcome) if track]
        known_at = self.known_at(tracks)
        events = [self.event("identify", {"traits": self.traits(is_decided=outcome is not None)}, known_at)]
        if group := self.group():
            events.append(self.event("group", group, known_at))
        for track in tracks:
            at = self.plan.now_ms if track.at is None else track.at
            says = {"event": track.name, "properties": track.properties}
            events.append(self.event("track", says, at, in_id=track.at is not None))
        return RowEvents(events, sum(track.at is None for track in tracks), unknown_status)

    def known_at(self, tracks: Sequence[_Track]) -> int:
        """When the traits are dated: when the lead was made, else at the first thing that the row tells of it.

        Of two values of a trait the later wins, and a correction has the times of what it corrects. So the minutes that
        have passed since 2026 follow as milliseconds, half an hour after three and a half years: a later import wins.
        """
        times = [track.at for track in tracks if track.at is not None]
        start = self.created.at if self.created else min(times, default=self.plan.now_ms)
        return min(start + max(0, self.plan.now_ms - _START_OF_2026_MS) // 60_000, self.plan.now_ms)

    def event(self, kind: str, says: dict[str, Any], at: int, *, in_id: bool = False) -> dict[str, Any]:
        told = msgspec.json.encode([kind, self.user_id, says, at if in_id else None], order="sorted")
        return {
            "type": kind,
            "messageId": f"lead-{blake2b(told, key=self.salt, digest_size=16).hexdigest()}",
            "userId": self.user_id,
            "anonymousId": f"lead:{self.user_id}"[:_LONGEST_ID],
            "timestamp": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            **says,
        }

    def traits(self, *, is_decided: bool) -> dict[str, Any]:
        """What is known of the lead; of a deal only while none is won or lost, of a note only if it is on no event."""
        fields = [field for field in _TRAITS if field != "note" or "event" not in self.said]
        if not is_decided:
            fields = ["reason", "currency", "value", *fields]
        known = {
            _TRAIT_OF.get(field, field): self.number(field) if field in _NUMBERS else self.said[field]
            for field in fields
            if field in self.said
        }
        own = {name: self.said[f"trait:{name}"] for name in self.names("trait")}
        return {name: text for name, text in own.items() if name not in known} | known

    def group(self) -> dict[str, Any]:
        """What the row says of a company that has a name, a domain or an id; empty for none."""
        group_id = next((self.said[name] for name in ("company_id", "company_domain", "company") if name in self.said), "")
        if not group_id:
            return {}
        traits = {
            name: self.number(field) if field in _NUMBERS else self.said[field]
            for field, name in _GROUP_TRAITS.items()
            if field in self.said
        }
        return {"groupId": group_id[:_LONGEST_ID], "traits": traits}

    def lead_created(self) -> _Track | None:
        if self.created is None:
            return None
        return _Track(LEAD_CREATED, self.given("source", "channel", "campaign"), self.created.at)

    def touch(self) -> _Track | None:
        name = self.said.get("event")
        if name is None:
            return None
        properties = {own: self.said[f"property:{own}"] for own in self.names("property")} | self.given("note")
        return _Track(name[:200], properties, self.dated(self.moment("event_at")))

    def status(self) -> tuple[StatusKind | None, str]:
        """The state that outcome or status tells, and the word where it is unknown."""
        unknown = ""
        for field in ("outcome", "status"):
            if word := self.said.get(field):
                own = {_heading(name): kind for name, kind in self.plan.statuses.items()}
                if kind := own.get(_heading(word)) or _STATUS_OF.get(_heading(word)):
                    return kind, ""
                unknown = unknown or word[:100]
        return None, unknown

    def outcome(self, status: StatusKind | None) -> _Track | None:
        """How it ended: what the status says, else what the dates say, the later of two; else that it was contacted.

        A date of closing alone says nothing: an open lead has one that is hoped for.
        """
        won, lost = (self.moment(name) for name in ("won_at", "lost_at"))
        kind: OutcomeKind
        if status in ("won", "lost", "disqualified"):
            kind = status
        elif won or lost:
            kind = "won" if won and (not lost or won.at >= lost.at) else "lost"
        elif status == "contacted":
            kind = status
        else:
            return None
        own = {"won": won, "lost": lost, "disqualified": lost, "contacted": None}[kind]
        properties = self.given("reason") if kind != "contacted" else {}
        if kind in ("won", "lost") and "value" in self.said:
            amount = read_amount(self.said["value"])
            if amount is None:
                raise _Refusal("number_invalid", self.column_of["value"])
            currency = self.said.get("currency", "").upper()
            currency = currency if _CURRENCY.fullmatch(currency) else _SIGNS.get(currency, amount.currency)
            properties |= {"value": amount.value} | ({"currency": currency} if currency else {})
        return _Track(EVENT_NAMES[kind], properties, self.dated(own or self.moment("outcome_at")))

    def moment(self, field: str) -> Moment | None:
        """The time in *field*; ``None`` where the row has none."""
        if field not in self.said:
            return None
        moment = read_time(self.said[field], self.plan.zone, self.plan.dates)
        if isinstance(moment, str):
            raise _Refusal(moment, self.column_of[field])
        if moment.at > self.plan.now_ms + FUTURE_TOLERANCE_MS:
            raise _Refusal("date_future", self.column_of[field])
        return moment

    def dated(self, moment: Moment | None) -> int | None:
        """When something happened. A mere day that is the lead's own doesn't put it before the lead was made."""
        if moment is None:
            return None
        if self.created and moment.to_the_day and 0 < self.created.at - moment.at < _DAY_MS:
            return self.created.at
        return moment.at

    def given(self, *fields: str) -> dict[str, Any]:
        return {field: self.said[field] for field in fields if field in self.said}

    def names(self, kind: str) -> list[str]:
        return [field.partition(":")[2] for field in self.said if field.startswith(f"{kind}:")]

    def number(self, field: str) -> int | float | str:
        """A number where it is one; a range of employees or a budget in words stays a text."""
        amount = read_amount(self.said[field])
        return self.said[field] if amount is None else amount.value


def _check_plan(plan: LeadPlan, headings: set[str]) -> None:
    """Raise ``MappingError`` where a column is not in the file or a field is given twice."""
    for name in (*plan.columns, *sorted(plan.ignored)):
        if _heading(name) not in headings:
            raise MappingError(f"The file has no column {name!r}.", f"文件中没有列 {name!r}。")
        if name in plan.columns and name in plan.ignored:
            raise MappingError(f"The column {name!r} is both mapped and ignored.", f"列 {name!r} 既被指定又被忽略。")
    if len({_heading(name) for name in plan.columns}) < len(plan.columns):
        raise MappingError(
            "A column is mapped twice: its name is the same in any case, with spaces or _.",
            "同一列被指定了两次：列名不区分大小写，空格与 _ 相同。",
        )
    fields = [read_field(field) for field in plan.columns.values()]
    for field in fields:
        if fields.count(field) > 1:
            raise MappingError(f"Two columns are mapped to {field!r}.", f"两列都被指定为 {field!r}。")


def _free(field: str, taken: Collection[str]) -> str:
    """*field*, numbered where there is one of that name."""
    number, free = 2, field
    while free in taken:
        free, number = f"{field}_{number}", number + 1
    return free


def _heading(name: str) -> str:
    """A heading or a status as the lists above write them: without what stands in brackets."""
    name = unicodedata.normalize("NFKC", name)
    return _words(re.sub(r"[(\[【].*?[)\]】]", " ", name)) or _words(name)


def _words(name: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name))
    return " ".join(re.sub(r"[\W_]+", " ", name).casefold().split())


def _text(cell: str) -> str:
    """A cell without what can't be seen and the space around it; empty for what stands for nothing."""
    if not cell.isprintable():
        cell = "".join(letter for letter in cell if letter in _INVISIBLE_KEPT or unicodedata.category(letter)[0] != "C")
    cell = cell.strip()
    return "" if cell in _EMPTY else cell


_START_OF_2026_MS: Final = 1_767_225_600_000
_DAY_MS: Final = 86_400_000
_EPOCH: Final = re.compile(r"(?:(?P<s>\d{9,10})|(?P<ms>\d{12,13}))(?:\.0+)?", re.ASCII)
_CLOCK: Final = (
    r"(?:(?:[T ]\s*|(?<=日)\s*)(?:(?P<half>上午|下午)\s*)?(?P<hour>\d{1,2})[:时点](?:(?P<minute>\d{1,2})分?)?"
    r"(?::?(?P<second_of_minute>\d{2})秒?(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s*(?P<half_after>AM|PM))?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?"
)
_DATES: Final = tuple(
    re.compile(form + _CLOCK, re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<_>[-/.])(?P<month>\d{1,2})(?P=_)(?P<day>\d{1,2})",
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
        r"(?P<year>\d{4})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
        r"(?P<first>\d{1,2})(?P<_>[-/])(?P<second>\d{1,2})(?P=_)(?P<year>\d{4})",
    )
)
_SIGNS: Final = {
    **dict.fromkeys(("元", "人民币", "RMB", "CNY", "CN¥"), "CNY"),
    **dict.fromkeys(("€", "EUR"), "EUR"),
    **dict.fromkeys(("£", "GBP"), "GBP"),
    **dict.fromkeys(("US$", "USD"), "USD"),
    **{code: code for code in ("BRL", "CHF", "JPY", "HKD", "TWD", "SGD", "AUD", "CAD", "INR", "KRW", "SEK", "NOK", "DKK")},
}
"""Signs of one currency alone: ¥ is two countries', $ many."""
_SIGN: Final = "|".join(re.escape(sign) for sign in (*_SIGNS, "¥", "R$", "$", "₹", "₩"))
_FACTORS: Final = {"": 1, "千": 1e3, "k": 1e3, "万": 1e4, "m": 1e6, "百万": 1e6, "亿": 1e8}
_AMOUNT: Final = re.compile(
    rf"(?P<before>(?:{_SIGN})?)\s*(?P<digits>\d[\d.,'’_\s]*)(?P<factor>百万|[千万亿km]?)\s*(?P<after>(?:{_SIGN})?)",
    re.ASCII | re.IGNORECASE,
)


def _plain(digits: str) -> str | None:
    """The digits as ``float`` reads them; ``None`` for separators that make no sense, or two kinds of sense."""
    point, comma = digits.rfind("."), digits.rfind(",")
    if point < 0 and comma < 0:
        return digits
    if point >= 0 and comma >= 0:
        decimal, group = (".", ",") if point > comma else (",", ".")
        whole, _, fraction = digits.rpartition(decimal)
        grouped = re.fullmatch(rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+", whole)
        return f"{whole.replace(group, '')}.{fraction}" if grouped and fraction.isdigit() else None
    mark = "." if point >= 0 else ","
    pieces = digits.split(mark)
    is_grouped = 1 <= len(pieces[0]) <= 3 and pieces[0] != "0" and all(len(piece) == 3 for piece in pieces[1:])
    if is_grouped:
        return None if mark == "." and len(pieces) == 2 else "".join(pieces)
    return ".".join(pieces) if len(pieces) == 2 and all(pieces) else None


def _hour(hour: int, half: str) -> int:
    """The hour of a day of 24 hours; 24 for one that makes no sense."""
    if not half:
        return hour
    if not 0 < hour <= 12:
        return hour if half == "下午" and 12 < hour < 24 else 24
    return hour % 12 + (12 if half in ("pm", "下午") else 0)


def _zone(text: str | None) -> tzinfo | None:
    """The zone written behind a time. Raises ``ValueError`` for an offset of more than a day."""
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _plausible(moment: Moment) -> Moment | RowRefusal:
    """Nothing that a CRM knows is older than the web: so an empty date written as a number is none."""
    return moment if moment.at >= OLDEST_MS else "date_invalid"
