"""How a node registers: deadlines, approvals, publicity, all from its settings."""

from dataclasses import dataclass, field

from quanyu.catalogue.codes import Grade
from quanyu.catalogue.model import ResourceDraft
from quanyu.catalogue.registration.checklist import Item, read_checklist, shipped_checklist
from quanyu.kernel import Calendar, Settings, read_calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The node's rules of registration; the days are working days of ``calendar``."""

    acceptance_days: int = 2
    review_days: int = 5
    publicity_days: int = 5
    approvals: int = 1
    approvals_important: int = 2
    calendar: Calendar = field(default_factory=Calendar)
    checklist: tuple[Item, ...] = field(default_factory=shipped_checklist)

    def approvals_for(self, *described: ResourceDraft) -> int:
        """How many reviewers must approve; the strictest grade counts."""
        if any(one.grade is not Grade.GENERAL for one in described):
            return max(self.approvals, self.approvals_important)
        return self.approvals


def registration_rules(settings: Settings) -> Registration:
    """The rules that a node's settings make.

    Raises :class:`Invalid` when the file of holidays or of the checklist cannot be read.
    """
    return Registration(
        acceptance_days=settings.acceptance_days,
        review_days=settings.review_days,
        publicity_days=settings.publicity_days,
        approvals=settings.approvals,
        approvals_important=settings.approvals_important,
        calendar=read_calendar(settings.holidays_file, settings.time_zone),
        checklist=read_checklist(settings.checklist_file),
    )
