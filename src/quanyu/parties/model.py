"""Types of parties: who they are, what their members may do, and who is asking."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from quanyu.kernel import AgreementId, Language, LocalText, MemberId, PartyId, TokenId


class PartyKind(StrEnum):
    """Kinds of organisation."""

    DEPARTMENT = "department"
    ENTERPRISE = "enterprise"
    UNIVERSITY = "university"
    RESEARCH_INSTITUTE = "research_institute"
    FINANCIAL_INSTITUTION = "financial_institution"
    CITY_NODE = "city_node"


class Role(StrEnum):
    """What a member does for its party. The node's own party (kind ``city_node``) runs the node."""

    STEWARD = "steward"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    SUPPLIER = "supplier"
    CONSUMER = "consumer"
    AUDITOR = "auditor"


class Scope(StrEnum):
    """What an API token may be used for; ``OBSERVE`` is for devices: to write observations."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation 主体. ``example`` marks those that ship with the demo city."""

    id: PartyId
    kind: PartyKind
    name: LocalText
    credit_code: str | None
    created_at: datetime
    example: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """A person's account within one party."""

    id: MemberId
    party: PartyId
    login: str
    name: str
    roles: frozenset[Role]
    active: bool
    email: str | None = None
    language: Language | None = None
    erase_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token without its secret. ``agreement``, when given, is the only one it works under.

    ``last_used_at`` is coarse: it may be up to an hour old.
    """

    id: TokenId
    party: PartyId
    member: MemberId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime
    agreement: AgreementId | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking: a member by session or token, or nobody (``party`` is ``None``).

    ``agreement`` is set when the token used is bound to one: the gate must take no other.
    ``lent`` are roles among ``roles`` that it has only because another member delegated them, and
    who did; ``origin`` is the network that it asks from, without the host, for acts.
    """

    party: PartyId | None = None
    member: MemberId | None = None
    kind: PartyKind | None = None
    name: str = ""
    roles: frozenset[Role] = field(default_factory=frozenset)
    scopes: frozenset[Scope] = field(default_factory=frozenset)
    token: TokenId | None = None
    agreement: AgreementId | None = None
    lent: frozenset[tuple[Role, MemberId]] = field(default_factory=frozenset)
    origin: str = ""

    @property
    def on_behalf_of(self) -> tuple[MemberId, ...]:
        """The members whose roles it has by delegation, in order of their ids."""
        return tuple(sorted({giver for _, giver in self.lent}))

    def own(self, role: Role) -> bool:
        """Whether the caller has that role itself, not lent by another."""
        return role in self.roles and all(role != lent for lent, _ in self.lent)

    @property
    def anonymous(self) -> bool:
        """Whether nobody is signed in."""
        return self.party is None

    @property
    def runs_node(self) -> bool:
        """Whether the caller belongs to the node's own party."""
        return self.kind is PartyKind.CITY_NODE

    def may(self, role: Role, scope: Scope = Scope.READ) -> bool:
        """Whether the caller has that role and, by token, that scope."""
        return role in self.roles and scope in self.scopes


ANONYMOUS = Caller(scopes=frozenset({Scope.READ}))
