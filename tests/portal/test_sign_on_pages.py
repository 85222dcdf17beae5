"""Single sign-on through the pages: out to a provider that the test starts, and back."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "parties"))

from openid_provider import CLIENT, SECRET, OpenIdProvider
from pydantic import SecretStr

from migrated import new_control
from quanyu import app as composition
from quanyu.kernel import LocalText, load_settings
from quanyu.parties import PartyKind, Role, invite, register_party
from quanyu.web import create_app

HERE = "http://city.example"


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    started = OpenIdProvider()
    yield started
    started.stop()


@pytest.fixture
def site(tmp_path: Path, provider: OpenIdProvider) -> Iterator[tuple[object, str]]:
    """The application in this process, and an invitation's secret."""
    settings = load_settings(
        dir=tmp_path,
        public_url=HERE,
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SecretStr(SECRET),
    )
    control = new_control(settings)
    with control.begin() as session:
        party = register_party(session, kind=PartyKind.DEPARTMENT, name=LocalText(en="Housing"))
        _, secret = invite(session, None, party.id, email="li@city.example", roles=[Role.SUPPLIER])
    control.close()
    node = composition.open_node(settings)
    yield create_app(node), secret
    composition.close_node(node)


class Browser:
    """A browser of the site that can also go to the provider."""

    def __init__(self, app: object) -> None:
        headers = {"accept": "text/html", "accept-language": "en"}
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        self.client = httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def through(self, path: str) -> httpx.Response:
        """Follow ``path`` to the provider, sign in there and come back."""
        out = await self.get(path)
        assert out.status_code == 303, out.text
        back = await asyncio.to_thread(httpx.get, out.headers["location"])
        there = urlsplit(back.headers["location"])
        assert f"{there.scheme}://{there.netloc}" == HERE
        return await self.get(f"{there.path}?{there.query}")


def test_unknown_then_invited_then_signed_on_and_out(site: tuple[object, str]) -> None:
    app, secret = site

    async def story() -> None:
        browser = Browser(app)
        assert "Sign in with Single sign-on" in (await browser.get("/sign-in")).text
        stopped = await browser.through("/sign-in/oidc?back=/about")
        assert stopped.status_code == 403
        assert "invitation" in stopped.text
        assert "oidc.unknown" in stopped.text
        assert "Accept with" in (await browser.get(f"/join?code={secret}")).text
        entered = await browser.through(f"/sign-in/oidc?code={secret}")
        assert entered.status_code == 303
        assert "HttpOnly" in entered.headers["set-cookie"]
        account = await browser.get("/account")
        assert "li@city.example" in account.text
        token = re.search(r'name="csrf_token" value="(\w+)"', account.text)
        assert token
        old = browser.client.cookies["quanyu_session"]
        again = await browser.through("/sign-in/oidc?back=/account")
        assert again.headers["location"] == "/account"
        fresh = browser.client.cookies["quanyu_session"]
        assert fresh != old  # a session is never taken over from before
        browser.client.cookies.set("quanyu_session", old, domain="city.example")
        await asyncio.sleep(0.6)  # a session that has ended may be known for half a second
        page = await browser.client.get("/auth/whoami", headers={"accept": "application/json"})
        assert page.json()["anonymous"]

    asyncio.run(story())


def test_signing_out_offers_the_providers_sign_out(
    site: tuple[object, str], provider: OpenIdProvider
) -> None:
    app, secret = site

    async def story() -> None:
        browser = Browser(app)
        await browser.through(f"/sign-in/oidc?code={secret}")
        account = await browser.get("/account")
        found = re.search(r'name="csrf_token" value="(\w+)"', account.text)
        assert found
        out = await browser.client.post("/sign-out", data={"csrf_token": found[1]})
        assert out.headers["location"] == "/signed-out"
        page = await browser.get("/signed-out")
        assert f"{provider.issuer}/end?client_id=quanyu" in page.text
        assert (await browser.get("/account")).status_code == 401

    asyncio.run(story())


def test_a_sign_in_of_another_browser_is_refused(site: tuple[object, str]) -> None:
    """Nobody can hand another their own sign-in: the answer belongs to a cookie."""
    app, secret = site

    async def story() -> None:
        mine, theirs = Browser(app), Browser(app)
        out = await mine.get(f"/sign-in/oidc?code={secret}")
        back = await asyncio.to_thread(httpx.get, out.headers["location"])
        there = urlsplit(back.headers["location"])
        answer = await theirs.get(f"{there.path}?{there.query}")
        assert answer.status_code == 403
        assert "oidc.state" in answer.text
        assert "quanyu_session" not in theirs.client.cookies

    asyncio.run(story())


def test_nobody_is_sent_to_another_site(site: tuple[object, str]) -> None:
    app, secret = site

    async def story() -> None:
        browser = Browser(app)
        await browser.through(f"/sign-in/oidc?code={secret}")
        for back in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            answer = await browser.through(f"/sign-in/oidc?back={back}")
            assert answer.headers["location"] == "/"

    asyncio.run(story())
