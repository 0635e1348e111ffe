"""What a worker of the queue ``care`` does beside its jobs, at once after lead changes: webhooks and mails."""

from __future__ import annotations

from scorer.alerting import send_alerts
from scorer.attending import Attendance
from scorer.mail.letters import Sender
from scorer.mailing import Mailer
from scorer.resources import Resources, now_ms
from scorer.robot_pace import RobotPace
from scorer.webhook_delivery import Courier, transport_of
from scorer.webhook_notices import tell_contacts
from scorer.webhook_outbox import fan_out


def attend(here: Resources) -> Attendance:
    """Begin to tell webhooks and subscribers of what happens to leads, in threads of this process. Raises ``SettingError``.

    Mails have a thread of their own: a slow mail server doesn't hold up webhooks.
    """
    base_url = here.settings.url
    pace = RobotPace(here.redis_url)
    transport = transport_of(here.settings)
    courier = Courier(here.database, transport, now_ms, wake=lambda: attendance.ring("webhooks"), pace=pace)

    def tell_webhooks() -> None:
        fan_out(here.database, now_ms(), base_url)
        while courier.turn():
            pass

    def send_mails() -> None:
        with Mailer(here.settings) as mailer:
            send_alerts(here.database, mailer, Sender(base_url, here.secret), now_ms())
            tell_contacts(here.database, mailer, now_ms(), base_url)

    attendance = Attendance(here.control, {"webhooks": tell_webhooks, "mails": send_mails})
    attendance.start()
    return attendance
