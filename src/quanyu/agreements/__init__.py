"""What is allowed: policies, offers, agreements, and the gate that every request passes."""

from quanyu.agreements.compiling import Answer, Asked, Stated, Terms, compile_policy
from quanyu.agreements.documents import policy_bytes, policy_document
from quanyu.agreements.gate import Ask, Gate, Grant
from quanyu.agreements.jsonld import parse_policy
from quanyu.agreements.lifecycle import (
    approve,
    end,
    refuse,
    request_agreement,
    resume,
    suspend,
    withdraw_request,
)
from quanyu.agreements.listing import agreement, agreements, party_disclosure, steps, users_of
from quanyu.agreements.model import (
    Agreement,
    AgreementChanged,
    AgreementPage,
    AgreementState,
    AgreementStep,
    Offer,
    Side,
    StepKind,
)
from quanyu.agreements.narrowing import narrow
from quanyu.agreements.negotiated import (
    drop_signed,
    put_in_force,
    sign_negotiated,
    signed_agreement,
    states_of,
)
from quanyu.agreements.offering import (
    OpenOffer,
    close_offer,
    create_offer,
    offer,
    offers,
    open_offers,
    policies_of,
)
from quanyu.agreements.policy import Constraint, Logical, Policy, PolicyType, Rule
from quanyu.agreements.reference import rules_document, terms_document, write_reference
from quanyu.agreements.rules import RULES
from quanyu.agreements.terms import TERMS, Part, Quota, Term
from quanyu.agreements.vocabulary import ODRL_CONTEXT, PREFIXES, PROFILE

__all__ = [
    "ODRL_CONTEXT",
    "PREFIXES",
    "PROFILE",
    "RULES",
    "TERMS",
    "Agreement",
    "AgreementChanged",
    "AgreementPage",
    "AgreementState",
    "AgreementStep",
    "Answer",
    "Ask",
    "Asked",
    "Constraint",
    "Gate",
    "Grant",
    "Logical",
    "Offer",
    "OpenOffer",
    "Part",
    "Policy",
    "PolicyType",
    "Quota",
    "Rule",
    "Side",
    "Stated",
    "StepKind",
    "Term",
    "Terms",
    "agreement",
    "agreements",
    "approve",
    "close_offer",
    "compile_policy",
    "create_offer",
    "drop_signed",
    "end",
    "narrow",
    "offer",
    "offers",
    "open_offers",
    "parse_policy",
    "party_disclosure",
    "policies_of",
    "policy_bytes",
    "policy_document",
    "put_in_force",
    "refuse",
    "request_agreement",
    "resume",
    "rules_document",
    "sign_negotiated",
    "signed_agreement",
    "states_of",
    "steps",
    "suspend",
    "terms_document",
    "users_of",
    "withdraw_request",
    "write_reference",
]
