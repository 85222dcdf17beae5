"""Applications for registration 登记申请: how what suppliers propose comes into the catalogue."""

from quanyu.catalogue.registration.bulk import Outcome, each_application
from quanyu.catalogue.registration.certifying import (
    Certificate,
    certificate,
    certificates,
)
from quanyu.catalogue.registration.checklist import Item, items_for
from quanyu.catalogue.registration.course import EDITABLE, ENDED
from quanyu.catalogue.registration.deadlines import advance_applications
from quanyu.catalogue.registration.difference import (
    Difference,
    Piece,
    described,
    differences,
)
from quanyu.catalogue.registration.listing import (
    application,
    application_counts,
    application_steps,
    applications,
    missed_deadlines,
    open_application,
    overdue_applications,
    publicised,
    publicised_application,
)
from quanyu.catalogue.registration.merge import Merged, merge
from quanyu.catalogue.registration.model import (
    APPLICATION_KINDS,
    APPLICATION_STATES,
    MOVES,
    OBJECTION_STATES,
    Application,
    ApplicationKind,
    ApplicationMoved,
    ApplicationPage,
    ApplicationState,
    ApplicationStep,
    Move,
    Objection,
    ObjectionState,
    Tick,
)
from quanyu.catalogue.registration.proposing import (
    SUITS,
    apply,
    rebase_application,
    recall_application,
    revise_application,
    submit_application,
)
from quanyu.catalogue.registration.publicity import (
    answer_objection,
    object_to,
    objections,
    open_objections,
    register_application,
)
from quanyu.catalogue.registration.reviewing import (
    accept_application,
    approve_application,
    hand_over_application,
    refuse_application,
    return_application,
)
from quanyu.catalogue.registration.rights import check_reviewer, may_review, reviewers, the_node
from quanyu.catalogue.registration.rules import Registration, registration_rules
from quanyu.catalogue.registration.tables import ApplicationRow

__all__ = [
    "APPLICATION_KINDS",
    "APPLICATION_STATES",
    "EDITABLE",
    "ENDED",
    "MOVES",
    "OBJECTION_STATES",
    "SUITS",
    "Application",
    "ApplicationKind",
    "ApplicationMoved",
    "ApplicationPage",
    "ApplicationRow",
    "ApplicationState",
    "ApplicationStep",
    "Certificate",
    "Difference",
    "Item",
    "Merged",
    "Move",
    "Objection",
    "ObjectionState",
    "Outcome",
    "Piece",
    "Registration",
    "Tick",
    "accept_application",
    "advance_applications",
    "answer_objection",
    "application",
    "application_counts",
    "application_steps",
    "applications",
    "apply",
    "approve_application",
    "certificate",
    "certificates",
    "check_reviewer",
    "described",
    "differences",
    "each_application",
    "hand_over_application",
    "items_for",
    "may_review",
    "merge",
    "missed_deadlines",
    "object_to",
    "objections",
    "open_application",
    "open_objections",
    "overdue_applications",
    "publicised",
    "publicised_application",
    "rebase_application",
    "recall_application",
    "refuse_application",
    "register_application",
    "registration_rules",
    "return_application",
    "reviewers",
    "revise_application",
    "submit_application",
    "the_node",
]
