"""Under which agreement a visitor looks: the open one, its own data, or one that was signed."""

from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy.orm import Session

from quanyu.agreements import AgreementState, Side, agreements, compile_policy
from quanyu.catalogue import resource
from quanyu.kernel import Language, LocalText, PartyId, translate
from quanyu.parties import Caller, party

_MOST = 200

PURPOSES: dict[str, str] = {
    "research": "research",
    "governance": "public governance",
    "welfare": "public welfare",
    "education": "education",
    "industry": "industry use",
    "statistics": "statistics",
}
"""Purposes that policies usually name, as message ids; others are shown as they are written."""


@dataclass(frozen=True, slots=True)
class Identity:
    """One agreement, for one purpose where it names purposes."""

    agreement: str
    slug: str
    title: LocalText
    provider: LocalText
    purpose: str | None = None

    @property
    def key(self) -> str:
        """How it is written in an address: ``agr_…`` or ``agr_…:research``."""
        return f"{self.agreement}:{self.purpose}" if self.purpose else self.agreement

    def name(self, language: Language) -> str:
        """What a list calls it."""
        text = translate(
            language,
            "Agreement with {provider} on {title}",
            provider=self.provider.to(language),
            title=self.title.to(language),
        )
        if self.purpose is None:
            return text
        return translate(
            language,
            "{text}, for {purpose}",
            text=text,
            purpose=purpose_name(language, self.purpose),
        )

    @property
    def parameters(self) -> dict[str, str]:
        """What a request under it says."""
        said = {"agreement": self.agreement}
        return said | {"purpose": self.purpose} if self.purpose else said

    @property
    def query(self) -> str:
        """:attr:`parameters` as a query string."""
        return urlencode(self.parameters)


def purpose_name(language: Language, purpose: str) -> str:
    """A purpose in words."""
    return translate(language, PURPOSES.get(purpose, purpose))


def identities(session: Session, caller: Caller, resource_id: str | None = None) -> list[Identity]:
    """The agreements in force that the caller's party may use, one entry for each purpose."""
    if caller.anonymous:
        return []
    page = agreements(
        session,
        caller,
        side=Side.CONSUMER,
        states=frozenset({AgreementState.ACTIVE}),
        resource_id=resource_id,
        limit=_MOST,
    )
    found: list[Identity] = []
    for item in page.items:
        if caller.agreement is not None and item.id != caller.agreement:
            continue
        of = resource(session, item.resource)
        provider = party(session, PartyId(item.provider)).name
        purposes = compile_policy(item.policy).purposes
        found.extend(
            Identity(item.id, of.slug, of.title, provider, purpose)
            for purpose in (sorted(purposes) if purposes else [None])
        )
    return found


def chosen(key: str | None, among: list[Identity]) -> Identity | None:
    """The identity with that key; its agreement alone is enough when it is clear."""
    return next((one for one in among if key in (one.key, one.agreement)), None)
