"""Bodies in the shapes of the APIs of CRMs, for whatever stands in between and holds their keys.

Sources: HubSpot, "Upsert a batch of contacts" (POST /crm/v3/objects/contacts/batch/upsert); Salesforce, "Upsert
Records Using sObject Collections" (PATCH …/composite/sobjects/Lead/Warmtrail_Id__c) and "Lead" (lengths of fields).
"""

from __future__ import annotations

from typing import Any, Final

from scorer.core.one_line import one_line
from scorer.core.webhook_messages import Told, ToldLead

_HUBSPOT_STATUS: Final = {
    "open": "OPEN",
    "claimed": "IN_PROGRESS",
    "contacted": "CONNECTED",
    "won": "OPEN_DEAL",
    "lost": "UNQUALIFIED",
    "junk": "UNQUALIFIED",
    "not_now": "BAD_TIMING",
    "snoozed": "BAD_TIMING",
}
_SALESFORCE_STATUS: Final = {
    "open": "Open - Not Contacted",
    "claimed": "Working - Contacted",
    "contacted": "Working - Contacted",
    "won": "Closed - Converted",
    "lost": "Closed - Not Converted",
    "junk": "Closed - Not Converted",
    "not_now": "Open - Not Contacted",
    "snoozed": "Open - Not Contacted",
}
_MAX_FIELD: Final = 200


def hubspot(told: Told) -> dict[str, Any]:
    """Return the change as an upsert of one contact, found by e-mail, else by ``warmtrail_lead_id``; of none in a test."""
    if told.lead is None:
        return {"inputs": []}
    lead = told.lead
    given, family = split_name(one_line(lead.name, _MAX_FIELD))
    known = {
        "email": lead.email,
        "firstname": given,
        "lastname": family,
        "jobtitle": one_line(lead.title, _MAX_FIELD),
        "phone": one_line(lead.phone, 60),
        "company": one_line(lead.company, _MAX_FIELD),
        "website": lead.domain,
        "country": one_line(lead.country, 60),
        "hs_lead_status": _HUBSPOT_STATUS.get(lead.status, ""),
    }
    ours = {
        "warmtrail_lead_id": lead.id,
        "warmtrail_score": f"{lead.score:.1f}",
        "warmtrail_tier": lead.tier,
        "warmtrail_stage": lead.stage,
        "warmtrail_reasons": _reasons(lead),
        "warmtrail_next_step": one_line(lead.next_step, 500),
        "warmtrail_owner": one_line(lead.owner, _MAX_FIELD),
        "warmtrail_url": lead.url,
        "warmtrail_change": told.kind,
    }
    # An empty value would empty the field of the CRM: what isn't known is left out, what is ours may be emptied.
    properties = {name: value for name, value in known.items() if value} | ours
    by, name = (lead.email, "email") if lead.email else (lead.id, "warmtrail_lead_id")
    return {"inputs": [{"id": by, "idProperty": name, "objectWriteTraceId": lead.id, "properties": properties}]}


def salesforce(told: Told) -> dict[str, Any]:
    """Return the change as an upsert of one Lead by ``Warmtrail_Id__c``; of none in a test."""
    if told.lead is None:
        return {"allOrNone": False, "records": []}
    lead = told.lead
    given, family = split_name(one_line(lead.name, _MAX_FIELD))
    website = f"https://{lead.domain}" if lead.domain else ""
    known = {
        "FirstName": given[:40],
        "Email": lead.email[:80],
        "Title": one_line(lead.title, 128),
        "Phone": one_line(lead.phone, 40),
        "Website": website[:255],
        "Status": _SALESFORCE_STATUS.get(lead.status, ""),
    }
    ours = {
        # Salesforce takes no lead without these two.
        "LastName": family[:80] or one_line(lead.email, 80) or "[unknown]",
        "Company": one_line(lead.company or lead.domain, 255) or "[unknown]",
        "Rating": lead.tier.capitalize(),
        "Warmtrail_Id__c": lead.id,
        "Warmtrail_Score__c": lead.score,
        "Warmtrail_Stage__c": lead.stage or None,
        "Warmtrail_Reasons__c": _reasons(lead),
        "Warmtrail_Next_Step__c": one_line(lead.next_step, 255),
        "Warmtrail_Owner__c": one_line(lead.owner, 80) or None,
        "Warmtrail_Url__c": lead.url[:255],
        "Warmtrail_Change__c": told.kind,
    }
    fields = {name: value for name, value in known.items() if value} | ours
    return {"allOrNone": False, "records": [{"attributes": {"type": "Lead"}, **fields}]}


def _reasons(lead: ToldLead) -> str:
    return "; ".join(one_line(reason, 200) for reason in lead.reasons[:5])


def split_name(name: str) -> tuple[str, str]:
    """Return a name's given and family part: the last word is the family name; a single word, or a name in Chinese
    characters, stands as family name alone.

    >>> split_name("Ada King Lovelace"), split_name("王小明"), split_name("")
    (('Ada King', 'Lovelace'), ('', '王小明'), ('', ''))
    """
    given, _, family = name.strip().rpartition(" ")
    return given.strip(), family
