"""What is allowed: policies, offers, agreements, and the gate that every request passes."""

from quanyu.agreements.annual import (
    FIGURES,
    OperationReport,
    check_reads_report,
    operation_report,
    publish_report,
    published_report,
    published_reports,
)
from quanyu.agreements.compiling import Answer, Asked, Stated, Terms, compile_policy
from quanyu.agreements.documents import policy_bytes, policy_document
from quanyu.agreements.explaining import Explained, Outcome, Weighed, explain_decision
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
from quanyu.agreements.listing import (
    agreement,
    agreements,
    agreements_named,
    agreements_on,
    party_disclosure,
    steps,
    users_of,
)
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
from quanyu.agreements.obligations import (
    Obligation,
    chase_obligations,
    confirm_obligation,
    obligations_of,
)
from quanyu.agreements.offering import (
    OpenOffer,
    close_offer,
    create_offer,
    may_offer,
    offer,
    offering_party,
    offers,
    offers_by,
    open_offers,
    policies_of,
)
from quanyu.agreements.policy import Constraint, Logical, Policy, PolicyType, Rule
from quanyu.agreements.reference import rules_document, terms_document, write_reference
from quanyu.agreements.rules import RULES
from quanyu.agreements.terms import TERMS, Part, Quota, Term
from quanyu.agreements.tracing import CHANCE, Traced, trace
from quanyu.agreements.vocabulary import ODRL_CONTEXT, PREFIXES, PROFILE
from quanyu.agreements.whence import Whence

__all__ = [
    "CHANCE",
    "FIGURES",
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
    "Explained",
    "Gate",
    "Grant",
    "Logical",
    "Obligation",
    "Offer",
    "OpenOffer",
    "OperationReport",
    "Outcome",
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
    "Traced",
    "Weighed",
    "Whence",
    "agreement",
    "agreements",
    "agreements_named",
    "agreements_on",
    "approve",
    "chase_obligations",
    "check_reads_report",
    "close_offer",
    "compile_policy",
    "confirm_obligation",
    "create_offer",
    "drop_signed",
    "end",
    "explain_decision",
    "may_offer",
    "narrow",
    "obligations_of",
    "offer",
    "offering_party",
    "offers",
    "offers_by",
    "open_offers",
    "operation_report",
    "parse_policy",
    "party_disclosure",
    "policies_of",
    "policy_bytes",
    "policy_document",
    "publish_report",
    "published_report",
    "published_reports",
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
    "trace",
    "users_of",
    "withdraw_request",
    "write_reference",
]
