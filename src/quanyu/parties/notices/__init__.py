"""Notices: what people are told, on the page, by mail and by webhook."""

from quanyu.parties.notices.choices import choose_notices, notice_choices
from quanyu.parties.notices.model import TOPICS, Choice, Mail, Notice
from quanyu.parties.notices.telling import notify

__all__ = ["TOPICS", "Choice", "Mail", "Notice", "choose_notices", "notice_choices", "notify"]
