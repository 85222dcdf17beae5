"""Notices by mail: at once or once a day, in the reader's language, until the server took them."""

import smtplib
import ssl
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from quanyu.kernel import ControlStore, Invalid, Language, LocalText, Settings, now, translate
from quanyu.parties.notices.model import TOPICS, worded
from quanyu.parties.notices.reading import params_of
from quanyu.parties.notices.tables import NoticeReaderRow, NoticeRow
from quanyu.parties.tables import MemberRow

_log = structlog.get_logger(__name__)
_BATCH = 200
_WAITS = tuple(timedelta(minutes=m) for m in (1, 5, 30, 120, 480, 1440))
"""After so many failures with these waits between them, a mail is given up."""
_TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class _Letter:
    """One mail: who it is for, and the notices in it (several when once a day)."""

    reader: MemberRow
    items: tuple[tuple[NoticeRow, NoticeReaderRow], ...]


@dataclass(frozen=True, slots=True)
class Post:
    """Where mail is handed in. ``tls`` is ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int
    tls: str
    user: str
    password: str
    sender: str


def post_of(settings: Settings) -> Post | None:
    """The mail server of the settings; ``None`` when there is none. Raises :class:`Invalid`.

    ``smtp://`` speaks STARTTLS or not at all, ``smtps://`` TLS from the start, ``smtp+plain://``
    neither: for a server on the same machine.
    """
    if settings.smtp_url is None:
        return None
    parts = urlsplit(settings.smtp_url.get_secret_value())
    kinds = {"smtp": ("starttls", 587), "smtps": ("tls", 465), "smtp+plain": ("none", 25)}
    if parts.scheme not in kinds or not parts.hostname:
        raise Invalid(
            "this is no address of a mail server",
            field="smtp_url",
            mend="write it like smtp://user:password@mail.example.org:587",
        )
    tls, port = kinds[parts.scheme]
    return Post(
        host=parts.hostname,
        port=parts.port or port,
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        sender=settings.smtp_from or f"quanyu@{urlsplit(settings.base_url).hostname}",
    )


def deliver_mail(control: ControlStore, settings: Settings) -> int:
    """Send the mail that is due, at least once each; how many the server took.

    A mail that one reader's server refuses waits and does not hold up others. When the node's own
    server does not answer, all wait; nothing is lost.
    """
    post = post_of(settings)
    if post is None:
        return 0
    with control.read() as session:
        letters = _due(session, now())
    if not letters:
        return 0
    try:
        server = _connect(post)
    except (OSError, smtplib.SMTPException) as error:
        _log.warning("mail.server_away", host=post.host, error=type(error).__name__)
        for letter in letters:
            _put_off(control, letter, type(error).__name__)
        return 0
    sent = 0
    try:
        for letter in letters:
            sent += _send(control, server, post, settings, letter)
    finally:
        _quit(server)
    return sent


def mail_invitation(settings: Settings, to: str, link: str, party: LocalText) -> bool:
    """Mail an invitation's link now, for its secret is kept nowhere; whether a server took it.

    In both languages: whom it goes to has chosen none yet.
    """
    post = post_of(settings)
    if post is None:
        return False
    said: list[str] = []
    for language, site in (("zh", settings.title_zh), ("en", settings.title_en)):
        tongue: Language = "zh" if language == "zh" else "en"
        said += [
            f"[{site}] " + translate(tongue, "{party} invites you.", party=party.to(tongue)),
            translate(tongue, "Open this link to accept; it works once:"),
            link,
            "",
        ]
    mail = EmailMessage()
    mail["From"], mail["To"] = post.sender, to
    mail["Subject"] = " ".join(said[0].split())[:200]
    mail["Date"] = formatdate()
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n".join(said))
    try:
        server = _connect(post)
        try:
            server.send_message(mail)
        finally:
            _quit(server)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        _log.warning("mail.invitation_refused", error=type(error).__name__)
        return False
    return True


def _due(session: Session, moment: datetime) -> list[_Letter]:
    rows = session.execute(
        select(NoticeRow, NoticeReaderRow, MemberRow)
        .join(NoticeReaderRow, NoticeReaderRow.notice == NoticeRow.id)
        .join(MemberRow, MemberRow.id == NoticeReaderRow.member)
        .where(NoticeReaderRow.mail_due <= moment)
        .order_by(NoticeReaderRow.mail_due, NoticeRow.id)
        .limit(_BATCH)
    ).all()
    letters: list[_Letter] = []
    daily: dict[str, list[tuple[NoticeRow, NoticeReaderRow]]] = defaultdict(list)
    people = {}
    for notice, reader, member in rows:
        people[member.id] = member
        if reader.daily:
            daily[member.id].append((notice, reader))
        else:
            letters.append(_Letter(member, ((notice, reader),)))
    letters += [_Letter(people[who], tuple(items)) for who, items in daily.items()]
    return letters


def _connect(post: Post) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if post.tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            post.host, post.port, timeout=_TIMEOUT, context=context
        )
    else:
        server = smtplib.SMTP(post.host, post.port, timeout=_TIMEOUT)
    try:
        if post.tls == "starttls":
            server.starttls(context=context)
        if post.user:
            server.login(post.user, post.password)
    except BaseException:
        server.close()
        raise
    return server


def _send(
    control: ControlStore, server: smtplib.SMTP, post: Post, settings: Settings, letter: _Letter
) -> int:
    if not letter.reader.email or not letter.reader.active:
        _mark(control, letter, {"mail_due": None, "mail_problem": "no address"})
        return 0
    try:
        server.send_message(compose(letter.reader, letter.items, post.sender, settings))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        _put_off(control, letter, type(error).__name__)
        _log.warning("mail.refused", member=letter.reader.id, error=type(error).__name__)
        return 0
    _mark(control, letter, {"mail_due": None, "mailed_at": now(), "mail_problem": None})
    return 1


def compose(
    reader: MemberRow,
    items: Sequence[tuple[NoticeRow, NoticeReaderRow]],
    sender: str,
    settings: Settings,
) -> EmailMessage:
    """The mail; its Message-ID is the same however often it is sent."""
    language: Language = "en" if reader.language == "en" else "zh"
    site = settings.title_zh if language == "zh" else settings.title_en
    texts = [worded(n.message, params_of(n), language, settings.time_zone) for n, _ in items]
    first = items[0][0]
    subject = (
        texts[0] if len(items) == 1 else translate(language, "{count} notices", count=len(items))
    )
    lines = []
    for text, (notice, _) in zip(texts, items, strict=True):
        lines += [
            f"【{TOPICS[notice.topic].to(language)}】{text}",
            settings.base_url + notice.link,
            "",
        ]
    lines += [
        "-- ",
        translate(language, "You may choose what you are told, and how:"),
        f"{settings.base_url}/account#notices",
    ]
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = str(reader.email)
    mail["Subject"] = " ".join(f"[{site}] {subject}".split())[:200]
    mail["Date"] = formatdate(first.created_at.timestamp())
    mail["Message-ID"] = f"<{first.id}.{reader.id}@{sender.rpartition('@')[2].rstrip('>')}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["List-Unsubscribe"] = f"<{settings.base_url}/account>"
    mail.set_content("\n".join(lines))
    return mail


def _put_off(control: ControlStore, letter: _Letter, problem: str) -> None:
    attempts = max(reader.mail_attempts for _, reader in letter.items) + 1
    dead = attempts > len(_WAITS)
    due = None if dead else now() + _WAITS[attempts - 1]
    _mark(control, letter, {"mail_due": due, "mail_attempts": attempts, "mail_problem": problem})


def _mark(control: ControlStore, letter: _Letter, values: dict[str, object]) -> None:
    with control.begin() as session:
        for notice, reader in letter.items:
            session.execute(
                update(NoticeReaderRow)
                .where(NoticeReaderRow.notice == notice.id, NoticeReaderRow.member == reader.member)
                .values(values)
            )


def _quit(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (OSError, smtplib.SMTPException) as error:
        _log.info("mail.server_hung_up", error=type(error).__name__)
