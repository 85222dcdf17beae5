"""Notices: what people are told, on the page, by mail and by webhook."""

from quanyu.parties.notices.calling import WAITS, deliver_webhooks, signed
from quanyu.parties.notices.choices import choose_notices, notice_choices
from quanyu.parties.notices.mail import deliver_mail, mail_invitation, post_of
from quanyu.parties.notices.model import TOPICS, Choice, Mail, Notice
from quanyu.parties.notices.reading import NoticePage, mark_read, notices_of, unread_count
from quanyu.parties.notices.telling import notify
from quanyu.parties.notices.webhooks import (
    Delivery,
    Webhook,
    add_webhook,
    check_webhook_url,
    remove_webhook,
    renew_webhook,
    replay_delivery,
    try_webhook,
    webhook_secret,
    webhooks,
)

__all__ = [
    "TOPICS",
    "WAITS",
    "Choice",
    "Delivery",
    "Mail",
    "Notice",
    "NoticePage",
    "Webhook",
    "add_webhook",
    "check_webhook_url",
    "choose_notices",
    "deliver_mail",
    "deliver_webhooks",
    "mail_invitation",
    "mark_read",
    "notice_choices",
    "notices_of",
    "notify",
    "post_of",
    "remove_webhook",
    "renew_webhook",
    "replay_delivery",
    "signed",
    "try_webhook",
    "unread_count",
    "webhook_secret",
    "webhooks",
]
