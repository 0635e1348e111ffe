"""What the webhooks of HubSpot and Salesforce say of a deal.

Sources: HubSpot, "Webhooks API" (subscriptions to property changes: an array of ``propertyName``, ``propertyValue``,
``objectId``, ``occurredAt``) and "Deal properties" (``dealstage``, ``hs_is_closed_won``, ``hs_is_closed_lost``, ``amount``,
``deal_currency_code``, ``closed_lost_reason``, ``closedate``); Salesforce, "Opportunity" (``StageName``, ``IsWon``,
``IsClosed``, ``Amount``, ``CurrencyIsoCode``, ``CloseDate``, ``LastModifiedDate``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from typing import Any, Final

import msgspec

from scorer.core.crm_fields import (
    LONGEST_ID,
    LONGEST_REASON,
    first_of,
    is_true,
    read_currency,
    read_email,
    read_id,
    read_id_text,
    read_text,
    read_value,
    told_time,
)
from scorer.core.handling import Outcome
from tracker.core.lead_rows import status_of

_STAGES: Final = frozenset(("dealstage", "hs_is_closed_won", "hs_is_closed_lost", "hs_is_closed"))
"""Properties of a HubSpot deal that say how it stands."""
_CLOSED: Final[Mapping[str, Outcome]] = {"closedwon": "won", "closedlost": "lost"}


class Deal(msgspec.Struct, frozen=True):
    """What became of a lead, as a CRM tells it."""

    outcome: Outcome
    at: int | None
    """Milliseconds since 1970 UTC; ``None`` where the row doesn't say."""
    external_id: str
    """The same whenever the same is told again; empty where nothing but the words themselves tells that."""
    lead: str = ""
    """Warmtrail's id; empty where it isn't told. The same of what follows."""
    user_id: str = ""
    email: str = ""
    value: float | None = None
    currency: str = ""
    reason: str = ""
    by: str = ""


def changed_deals(rows: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of each HubSpot deal that changed in one delivery, the later change of each, by its id."""
    deals: dict[str, dict[str, Any]] = {}
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("propertyName"), str):
            deal = deals.setdefault(str(row.get("objectId")), {})
            deal |= _properties(row.get("properties"))
            deal[row["propertyName"]] = row.get("propertyValue")
    return deals


def hubspot_change(row: Mapping[str, Any], deals: Mapping[str, Mapping[str, Any]], now_ms: int, zone: tzinfo) -> Deal | None:
    """Return what a change of one property says; ``None`` where that is no end of a deal, or another row says it.

    *deals* are what ``changed_deals`` has made of the whole delivery: sum and reason are changes of their own.
    """
    changed = row["propertyName"]
    if not isinstance(changed, str) or changed not in _STAGES:
        return None
    deal = {**deals[str(row.get("objectId"))], **_properties(row.get("properties"))}
    outcome = _hubspot_outcome({changed: row.get("propertyValue")})
    # A deal that closes changes several properties at once: one of them tells of it.
    if outcome is None or (changed != "dealstage" and _hubspot_outcome({"dealstage": deal.get("dealstage")}) is not None):
        return None
    told_at = first_of(row, ("occurredAt",))[1]
    return _hubspot(outcome, {**row, **deal}, told_time(row, ("occurredAt",), now_ms, zone), told_at)


def hubspot_deal(row: Mapping[str, Any], now_ms: int, zone: tzinfo) -> Deal | None:
    """Return what a deal with its properties says, as workflows send it; ``None`` while it is open."""
    deal = _properties(row["properties"])
    outcome = _hubspot_outcome(deal)
    if outcome is None:
        return None
    closed = told_time(deal, ("closedate",), now_ms, zone, planned=True)
    at = told_time(row, ("occurredAt",), now_ms, zone)
    return _hubspot(outcome, {**row, **deal}, closed if at is None else at, first_of(deal, ("closedate",))[1])


def _hubspot(outcome: Outcome, whose: Mapping[str, Any], at: int | None, when: Any) -> Deal:
    name, deal_id = first_of(whose, ("objectId", "hs_object_id", "id"))
    return Deal(
        outcome,
        at,
        f"hubspot:{read_id(deal_id, name or 'objectId')}:{outcome}:{when}",
        lead=read_text(whose, ("warmtrail_lead_id",), LONGEST_ID),
        user_id=read_id_text(whose, ("user_id",)),
        email=read_email(whose, ("email", "contact_email", "contactEmail")),
        value=read_value(whose, ("amount",)),
        currency=read_currency(whose, ("deal_currency_code",)),
        reason=read_text(whose, ("closed_lost_reason",) if outcome == "lost" else ("closed_won_reason",), LONGEST_REASON),
    )


def _hubspot_outcome(deal: Mapping[str, Any]) -> Outcome | None:
    stage = deal.get("dealstage")
    known = _CLOSED.get(stage.strip().lower()) if isinstance(stage, str) else None
    if known is not None:
        return known
    if is_true(deal.get("hs_is_closed_won")):
        return "won"
    is_lost = is_true(deal.get("hs_is_closed")) and str(deal.get("hs_is_closed_won")).lower() == "false"
    return "lost" if is_lost or is_true(deal.get("hs_is_closed_lost")) else None


def _properties(given: Any) -> dict[str, Any]:
    """A deal's properties by name; HubSpot writes each as its value, or as an object with its value."""
    if not isinstance(given, dict):
        return {}
    return {name: one.get("value") if isinstance(one, dict) else one for name, one in given.items()}


def salesforce(row: Mapping[str, Any], now_ms: int, zone: tzinfo) -> Deal | None:
    """Return what an opportunity says; ``None`` while it is open."""
    outcome = _salesforce_outcome(row)
    if outcome is None:
        return None
    contact = row.get("Contact")
    whose = {**row, "Contact.Email": contact.get("Email") if isinstance(contact, dict) else row.get("Contact.Email")}
    at = told_time(row, ("LastModifiedDate", "SystemModstamp"), now_ms, zone)
    closed = told_time(row, ("CloseDate",), now_ms, zone, planned=True)
    # Whoever mends a word of a closed deal changes its last date, but not the day on which it was closed.
    when = first_of(row, ("CloseDate", "LastModifiedDate", "SystemModstamp"))[1]
    deal_id = row.get("Id")
    return Deal(
        outcome,
        closed if at is None else at,
        f"salesforce:{read_id(deal_id, 'Id')}:{outcome}:{when}" if deal_id is not None else "",
        lead=read_text(whose, ("WarmtrailLeadId__c", "Warmtrail_Id__c"), LONGEST_ID),
        user_id=read_id_text(whose, ("WarmtrailUserId__c",)),
        email=read_email(whose, ("ContactEmail", "Contact.Email", "ContactEmail__c", "Email")),
        value=read_value(whose, ("Amount",)),
        currency=read_currency(whose, ("CurrencyIsoCode",)),
        reason=read_text(whose, ("Loss_Reason__c", "LossReason__c", "Closed_Lost_Reason__c"), LONGEST_REASON),
    )


def _salesforce_outcome(row: Mapping[str, Any]) -> Outcome | None:
    if is_true(row.get("IsWon")):
        return "won"
    if is_true(row.get("IsClosed")) and "IsWon" in row:
        return "lost"
    if "IsClosed" in row and not is_true(row["IsClosed"]):
        return None
    stage = row.get("StageName")
    kind = status_of(stage[:100]) if isinstance(stage, str) else None
    return kind if kind == "won" or kind == "lost" else None
