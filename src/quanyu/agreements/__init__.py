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
from quanyu.agreements.obligations import (
    Obligation,
    chase_obligations,
    confirm_obligation,
    obligations_of,
)
from quanyu.agreements.offering import close_offer, create_offer, offer, offers
from quanyu.agreements.policy import Constraint, Logical, Policy, PolicyType, Rule
from quanyu.agreements.reference import rules_document, terms_document, write_reference
from quanyu.agreements.rules import RULES
from quanyu.agreements.terms import TERMS, Part, Quota, Term
from quanyu.agreements.tracing import CHANCE, Traced, trace
from quanyu.agreements.vocabulary import PROFILE
from quanyu.agreements.whence import Whence

__all__ = [
    "CHANCE",
    "FIGURES",
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
    "approve",
    "chase_obligations",
    "check_reads_report",
    "close_offer",
    "compile_policy",
    "confirm_obligation",
    "create_offer",
    "end",
    "explain_decision",
    "narrow",
    "obligations_of",
    "offer",
    "offers",
    "operation_report",
    "parse_policy",
    "party_disclosure",
    "policy_bytes",
    "policy_document",
    "publish_report",
    "published_report",
    "published_reports",
    "refuse",
    "request_agreement",
    "resume",
    "rules_document",
    "steps",
    "suspend",
    "terms_document",
    "trace",
    "users_of",
    "withdraw_request",
    "write_reference",
]
