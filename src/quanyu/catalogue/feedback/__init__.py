"""What people say of an entry: discussions, corrections, reuses, and who hears of changes."""

from quanyu.catalogue.feedback.correcting import (
    answer_correction,
    close_correction,
    escalate_corrections,
    file_correction,
    withdraw_correction,
)
from quanyu.catalogue.feedback.correction_rows import (
    correction,
    correction_figures,
    corrections,
)
from quanyu.catalogue.feedback.discussing import (
    begin_discussion,
    discussions,
    hide_message,
    reply,
)
from quanyu.catalogue.feedback.following import (
    follow,
    followed,
    follower_count,
    follows,
    unfollow,
)
from quanyu.catalogue.feedback.model import (
    Correction,
    CorrectionChanged,
    CorrectionDraft,
    CorrectionFigures,
    CorrectionPage,
    CorrectionState,
    Message,
    Reuse,
    ReuseKind,
    ReuseState,
    Thread,
)
from quanyu.catalogue.feedback.reusing import (
    decide_reuse,
    propose_reuse,
    reuse_counts,
    reuses,
    reuses_waiting,
)
from quanyu.catalogue.feedback.telling import tell_changes

__all__ = [
    "Correction",
    "CorrectionChanged",
    "CorrectionDraft",
    "CorrectionFigures",
    "CorrectionPage",
    "CorrectionState",
    "Message",
    "Reuse",
    "ReuseKind",
    "ReuseState",
    "Thread",
    "answer_correction",
    "begin_discussion",
    "close_correction",
    "correction",
    "correction_figures",
    "corrections",
    "decide_reuse",
    "discussions",
    "escalate_corrections",
    "file_correction",
    "follow",
    "followed",
    "follower_count",
    "follows",
    "hide_message",
    "propose_reuse",
    "reply",
    "reuse_counts",
    "reuses",
    "reuses_waiting",
    "tell_changes",
    "unfollow",
    "withdraw_correction",
]
