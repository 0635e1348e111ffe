"""The part of the client for who is told by the service itself: webhooks, weekly digests, and alerts.

It takes a key of scope ``admin``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from scorer.core.labels import Language
from scorer.core.webhook_types import FeedKind, Preset
from scorer.outlets import alert_shapes, digest_shapes, webhook_shapes
from warmtrail.asking import Asking, path_of


class Subscriptions(Asking):
    """Asks about webhooks, digests and alerts, and changes them."""

    def webhooks(self) -> webhook_shapes.WebhookList:
        """Return the webhooks of the site, without their secrets."""
        return self._get("/webhooks", webhook_shapes.WebhookList)

    def webhook(self, webhook_id: str) -> webhook_shapes.Webhook:
        """Return one webhook."""
        return self._get(path_of("/webhooks/{}", webhook_id), webhook_shapes.Webhook)

    def add_webhook(
        self,
        url: str,
        *,
        name: str | None = None,
        preset: Preset | None = None,
        kinds: Sequence[FeedKind] | None = None,
        segment: str | None = None,
        language: Language | None = None,
        contact: str | None = None,
        secret: str | None = None,
        idempotency_key: str | None = None,
    ) -> webhook_shapes.NewWebhook:
        """Make a webhook that is told of what happens from now on. The secret in the answer is shown this once.

        *secret* is what DingTalk or Feishu gave out; no other preset takes one.
        """
        body = {"url": url, "name": name, "preset": preset, "kinds": kinds, "segment": segment}
        body |= {"language": language, "contact": contact, "secret": secret}
        return self._post("/webhooks", webhook_shapes.NewWebhook, body, idempotency_key=idempotency_key)

    def remove_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> webhook_shapes.Removed:
        """Remove a webhook, with all that was sent to it and what still waits."""
        path = path_of("/webhooks/{}/remove", webhook_id)
        return self._post(path, webhook_shapes.Removed, {}, idempotency_key=idempotency_key)

    def test_webhook(self, webhook_id: str, *, idempotency_key: str | None = None) -> webhook_shapes.Delivery:
        """Have a test message sent within moments. What came of it is among the deliveries, under the id answered."""
        path = path_of("/webhooks/{}/test", webhook_id)
        return self._post(path, webhook_shapes.Delivery, {}, idempotency_key=idempotency_key)

    def rotate_webhook_secret(
        self,
        webhook_id: str,
        *,
        overlap_hours: int | None = None,
        secret: str | None = None,
        idempotency_key: str | None = None,
    ) -> webhook_shapes.NewWebhook:
        """Give a webhook a new secret. The old one is signed by, too, for *overlap_hours* (a day, at most a week)."""
        body = {"overlap_hours": overlap_hours, "secret": secret}
        path = path_of("/webhooks/{}/rotate", webhook_id)
        return self._post(path, webhook_shapes.NewWebhook, body, idempotency_key=idempotency_key)

    def enable_webhook(
        self, webhook_id: str, *, missed: bool = False, idempotency_key: str | None = None
    ) -> webhook_shapes.Webhook:
        """Switch a webhook on again; *missed*: and tell it of what has happened meanwhile."""
        path = path_of("/webhooks/{}/enable", webhook_id)
        return self._post(path, webhook_shapes.Webhook, {"missed": missed}, idempotency_key=idempotency_key)

    def deliveries(
        self,
        webhook_id: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        state: webhook_shapes.State | None = None,
    ) -> webhook_shapes.DeliveryPage:
        """Return what was sent to a webhook, newest first, with every try."""
        query = {"limit": limit, "cursor": cursor, "state": state}
        return self._get(path_of("/webhooks/{}/deliveries", webhook_id), webhook_shapes.DeliveryPage, query)

    def replay_deliveries(
        self,
        webhook_id: str,
        *,
        delivery: str | None = None,
        since: datetime | None = None,
        only_failed: bool = False,
        idempotency_key: str | None = None,
    ) -> webhook_shapes.Replayed:
        """Send one *delivery* once more, or all made *since* a time, which has a time zone. They keep their ids."""
        body = {"delivery": delivery, "since": since, "only_failed": only_failed}
        path = path_of("/webhooks/{}/replay", webhook_id)
        return self._post(path, webhook_shapes.Replayed, body, idempotency_key=idempotency_key)

    def digests(self) -> digest_shapes.DigestList:
        """Return who gets the weekly digest, and what became of the last mail of each."""
        return self._get("/digests", digest_shapes.DigestList)

    def add_digest(
        self,
        email: str,
        *,
        name: str | None = None,
        segment: str | None = None,
        language: Language | None = None,
        time_zone: str | None = None,
        weekday: int | None = None,
        hour: int | None = None,
        idempotency_key: str | None = None,
    ) -> digest_shapes.Digest:
        """Subscribe an address to the weekly digest, on a *weekday* (0 is Monday) at an *hour* of its time zone."""
        body: dict[str, object] = {
            "email": email,
            "name": name,
            "segment": segment,
            "language": language,
            "time_zone": time_zone,
        }
        body |= {"weekday": weekday, "hour": hour}
        return self._post("/digests", digest_shapes.Digest, body, idempotency_key=idempotency_key)

    def remove_digest(self, digest_id: str, *, idempotency_key: str | None = None) -> digest_shapes.RemovedDigest:
        """Remove a digest with the record of what was sent."""
        path = path_of("/digests/{}/remove", digest_id)
        return self._post(path, digest_shapes.RemovedDigest, {}, idempotency_key=idempotency_key)

    def preview_digest(self, digest_id: str, *, week: date | None = None) -> digest_shapes.DigestPreview:
        """Return a digest as it would be sent now, of the *week* of a Monday (``None``: the last that is over)."""
        return self._get(path_of("/digests/{}/preview", digest_id), digest_shapes.DigestPreview, {"week": week})

    def alerts(self) -> alert_shapes.AlertList:
        """Return who is mailed when a lead becomes hot."""
        return self._get("/alerts", alert_shapes.AlertList)

    def add_alert(
        self,
        email: str,
        *,
        segment: str | None = None,
        language: Language | None = None,
        time_zone: str | None = None,
        quiet: str | None = None,
        max_per_day: int | None = None,
        idempotency_key: str | None = None,
    ) -> alert_shapes.Alert:
        """Subscribe an address to what becomes hot from now on. *quiet*: hours without mails, like ``19:00-08:00``."""
        body: dict[str, object] = {"email": email, "segment": segment, "language": language, "time_zone": time_zone}
        body |= {"quiet": quiet, "max_per_day": max_per_day}
        return self._post("/alerts", alert_shapes.Alert, body, idempotency_key=idempotency_key)

    def change_alert(
        self,
        alert_id: str,
        *,
        segment: str | None = None,
        language: Language | None = None,
        time_zone: str | None = None,
        quiet: str | None = None,
        max_per_day: int | None = None,
        idempotency_key: str | None = None,
    ) -> alert_shapes.Alert:
        """Change an alert, ``None`` leaving things as they are; an empty *segment* is all leads."""
        body: dict[str, object] = {"segment": segment, "language": language, "time_zone": time_zone}
        body |= {"quiet": quiet, "max_per_day": max_per_day}
        path = path_of("/alerts/{}/change", alert_id)
        return self._post(path, alert_shapes.Alert, body, idempotency_key=idempotency_key)

    def remove_alert(self, alert_id: str, *, idempotency_key: str | None = None) -> alert_shapes.RemovedAlert:
        """Remove an alert with the record of what it told of."""
        path = path_of("/alerts/{}/remove", alert_id)
        return self._post(path, alert_shapes.RemovedAlert, {}, idempotency_key=idempotency_key)
