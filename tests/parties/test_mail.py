"""Notices by mail, handed to a real SMTP server on the loopback."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr
from sqlalchemy import select, update

from quanyu.kernel import ControlStore, Invalid, LocalText, Settings, now
from quanyu.parties import (
    Choice,
    Mail,
    Role,
    change_account,
    choose_notices,
    deliver_mail,
    mail_invitation,
    notify,
    post_of,
)
from quanyu.parties.notices.tables import NoticeReaderRow


@pytest.fixture
def any_store(store: ControlStore) -> ControlStore:
    """One database is enough here: what the databases do differently is tested elsewhere."""
    return store


class Box:
    """A server that keeps what it is given and refuses some readers."""

    def __init__(self) -> None:
        self.letters: list = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if address in self.refused:
            return "550 no such reader"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@pytest.fixture
def box() -> Iterator[tuple[Box, Controller]]:
    held = Box()
    server = Controller(held, hostname="127.0.0.1", port=free_port())
    server.start()
    yield held, server
    server.stop()


def port_of(server: Controller) -> int:
    return server.port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settings_for(folder: Path, url: str) -> Settings:
    return Settings(dir=folder, smtp_url=SecretStr(url), smtp_from="node@city.example")


def member_with_mail(town, login, language="zh"):
    member = town.add(login, Role.SUPPLIER)
    with town.store.begin() as session:
        change_account(
            session,
            town.caller(member.id),
            name=member.name,
            email=f"{login}@city.example",
            language=language,
        )
    return member


def tell(town, **how):
    with town.store.begin() as session:
        return notify(
            session,
            to=town.department,
            topic="people",
            message="{name} has delegated roles to you until {until}",
            params={"name": how.pop("name", "李华"), "until": "2026-10-01"},
            link="/account",
            **how,
        )


def make_due(town) -> None:
    with town.store.begin() as session:
        session.execute(
            update(NoticeReaderRow)
            .where(NoticeReaderRow.mail_due.is_not(None))
            .values(mail_due=now() - timedelta(seconds=1))
        )


def test_mail_at_once_in_the_readers_language(town, box, tmp_path) -> None:
    held, server = box
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    member_with_mail(town, "zhang", "zh")
    member_with_mail(town, "smith", "en")
    town.add("silent", Role.SUPPLIER)
    tell(town)
    assert deliver_mail(town.store, settings) == 2
    assert deliver_mail(town.store, settings) == 0
    by_reader = {letter["To"]: letter for letter in held.letters}
    chinese, english = by_reader["zhang@city.example"], by_reader["smith@city.example"]
    assert "委托" in chinese["Subject"]
    assert "has delegated" in english["Subject"]
    assert "http://127.0.0.1:8000/account" in english.get_content()
    assert english["Auto-Submitted"] == "auto-generated"
    assert english["From"] == "node@city.example"


def test_the_daily_mail_gathers(town, box, tmp_path) -> None:
    held, server = box
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    member = member_with_mail(town, "smith", "en")
    with town.store.begin() as session:
        choose_notices(session, member.id, {"people": Choice(mail=Mail.DAILY)})
    for name in ("Li", "Wang", "Zhao"):
        tell(town, name=name)
    assert deliver_mail(town.store, settings) == 0
    make_due(town)
    assert deliver_mail(town.store, settings) == 1
    (letter,) = held.letters
    assert "3 notices" in letter["Subject"]
    assert all(name in letter.get_content() for name in ("Li", "Wang", "Zhao"))


def test_one_refused_reader_does_not_hold_up_others(town, box, tmp_path) -> None:
    held, server = box
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    held.refused.add("bad@city.example")
    member_with_mail(town, "bad")
    member_with_mail(town, "good")
    tell(town)
    assert deliver_mail(town.store, settings) == 1
    for _ in range(6):
        make_due(town)
        assert deliver_mail(town.store, settings) == 0
    with town.store.read() as session:  # given up after so many failures, and said why
        left = session.scalars(select(NoticeReaderRow).where(NoticeReaderRow.mailed_at.is_(None)))
        (row,) = left
        assert row.mail_due is None
        assert row.mail_problem == "SMTPRecipientsRefused"


def test_a_server_that_is_away_loses_nothing(town, box, tmp_path) -> None:
    held, server = box
    member_with_mail(town, "smith")
    tell(town)
    away = settings_for(tmp_path, "smtp+plain://127.0.0.1:1")
    assert deliver_mail(town.store, away) == 0
    make_due(town)
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    assert deliver_mail(town.store, settings) == 1
    assert len(held.letters) == 1


def test_what_is_sent_again_has_the_same_id(town, box, tmp_path) -> None:
    held, server = box
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    member_with_mail(town, "smith")
    tell(town)
    deliver_mail(town.store, settings)
    with town.store.begin() as session:  # as if the process had died before it marked the row
        session.execute(update(NoticeReaderRow).values(mail_due=now(), mailed_at=None))
    deliver_mail(town.store, settings)
    first, second = held.letters
    assert first["Message-ID"] == second["Message-ID"]


def test_headers_cannot_be_injected(town, box, tmp_path) -> None:
    held, server = box
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    member_with_mail(town, "smith", "en")
    tell(town, name="Li\r\nBcc: everybody@city.example")
    assert deliver_mail(town.store, settings) == 1
    (letter,) = held.letters
    assert letter["Bcc"] is None
    assert len(held.letters) == 1


def test_starttls_and_login_or_nothing(town, tmp_path, monkeypatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
        "-keyout", key, "-out", certificate,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    held = Box()

    def check(server, session, envelope, mechanism, given) -> AuthResult:
        good = isinstance(given, LoginPassword) and given.password == b"pass/word"
        return AuthResult(success=good)

    server = Controller(
        held,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=check,
    )
    server.start()
    try:
        member_with_mail(town, "smith")
        tell(town)
        url = f"smtp://node:pass%2Fword@localhost:{port_of(server)}"
        # A certificate that nobody vouches for is not trusted.
        assert deliver_mail(town.store, settings_for(tmp_path, url)) == 0
        make_due(town)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert deliver_mail(town.store, settings_for(tmp_path, url)) == 1
    finally:
        server.stop()
    assert len(held.letters) == 1


def test_an_invitation_is_mailed_in_both_languages(town, box, tmp_path) -> None:
    held, server = box
    settings = settings_for(tmp_path, f"smtp+plain://127.0.0.1:{port_of(server)}")
    link = "https://city.example/join?code=abc"
    name = LocalText(zh="住建局", en="Housing")
    assert mail_invitation(settings, "li@city.example", link, name)
    (letter,) = held.letters
    assert letter.get_content().count(link) == 2
    assert "住建局" in letter["Subject"]
    assert "Housing invites you." in letter.get_content()
    away = settings_for(tmp_path, "smtp+plain://127.0.0.1:1")
    assert not mail_invitation(away, "li@city.example", link, name)
    assert not mail_invitation(Settings(dir=tmp_path), "li@city.example", link, name)


def test_the_servers_address_is_checked(tmp_path) -> None:
    assert post_of(Settings(dir=tmp_path)) is None
    with pytest.raises(Invalid) as refused:
        post_of(settings_for(tmp_path, "http://mail.example.org"))
    assert refused.value.field == "smtp_url"
    assert "hush" not in repr(settings_for(tmp_path, "smtp://a:hush@mail.example.org"))
