"""Two people's changes to one description: merged where they touch different fields."""

from dataclasses import dataclass, replace

from quanyu.catalogue.model import ResourceDraft
from quanyu.catalogue.rows import changed_fields, draft_of
from quanyu.kernel import Conflict


@dataclass(frozen=True, slots=True)
class Merged:
    """The outcome: ``clashes`` names fields that both changed, each in another way."""

    draft: ResourceDraft
    clashes: tuple[str, ...]
    theirs: tuple[str, ...]


def merge(base: ResourceDraft, current: ResourceDraft, proposed: ResourceDraft) -> Merged:
    """``current`` with what ``proposed`` changes of ``base``; where both did, ``proposed`` wins.

    ``theirs`` names what others changed since ``base``.
    """
    mine = changed_fields(base, proposed)
    theirs = changed_fields(base, current)
    clashes = tuple(
        name
        for name in mine
        if name in theirs and getattr(current, name) != getattr(proposed, name)
    )
    changes = {name: getattr(proposed, name) for name in mine}
    return Merged(replace(draft_of(current), **changes), clashes, theirs)


def clash(fields: tuple[str, ...]) -> Conflict:
    """The error for fields that somebody else has changed in the entry meanwhile."""
    return Conflict(
        "the entry has been changed meanwhile in: {fields}",
        field=fields[0],
        mend="look at what changed, take it in, and submit again",
        fields=", ".join(fields),
    )
