"""Classes and grades 分类分级 (GB/T 43697): the table of rules, what stands, what it forbids."""

from quanyu.catalogue.grading.keeping import (
    check_graded,
    check_offerable_grade,
    level_allows,
)
from quanyu.catalogue.grading.model import (
    SUBJECTS,
    Facts,
    GradeConfirmed,
    GradedSource,
    Grading,
    GradingId,
    Level,
    LevelMeaning,
    Proposal,
    Sensed,
    Subject,
    Waiting,
    WaitingPage,
)
from quanyu.catalogue.grading.reading import (
    confirmed_levels,
    grading_history,
    grading_of,
    grading_waits,
    gradings_waiting,
    to_grading,
)
from quanyu.catalogue.grading.table import GradingTable, grading_table, use_grading
from quanyu.catalogue.grading.tables import GradeRow, GradingRow

__all__ = [
    "SUBJECTS",
    "Facts",
    "GradeConfirmed",
    "GradeRow",
    "GradedSource",
    "Grading",
    "GradingId",
    "GradingRow",
    "GradingTable",
    "Level",
    "LevelMeaning",
    "Proposal",
    "Sensed",
    "Subject",
    "Waiting",
    "WaitingPage",
    "check_graded",
    "check_offerable_grade",
    "confirmed_levels",
    "grading_history",
    "grading_of",
    "grading_table",
    "grading_waits",
    "gradings_waiting",
    "level_allows",
    "to_grading",
    "use_grading",
]
