"""Edits published: computed outside of the transaction, checked within it, made anew if overtaken.

No writer waits for another while it reads and checks; the transaction only looks whether somebody
touched the same rows meanwhile. Edits of several datasets go out together or not at all.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from quanyu.kernel import Conflict
from quanyu.spacetime.editing.compute import compute
from quanyu.spacetime.editing.undo import undo
from quanyu.spacetime.edits.model import Edited, Editor, EditRequest
from quanyu.spacetime.edits.register import (
    ChangeSet,
    Overtaken,
    answer_to,
    keep_answer,
    publish_edit,
)
from quanyu.spacetime.model import Version
from quanyu.spacetime.store import Store

_ATTEMPTS = 30
_PAUSE_S = 0.02

Check = Callable[[ChangeSet], None]
Also = Callable[[Session, Sequence[Edited]], None]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request's key, the digest of what it asks for, and what is remembered as its answer."""

    key: str
    payload: str
    answer: Callable[[Sequence[Edited]], Mapping[str, Any]]


class Again(Exception):
    """The request came before: this is what was answered then."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("answered before")
        self.answer = answer


def edit(
    store: Store,
    requests: Sequence[EditRequest],
    editor: Editor,
    *,
    keyed: Keyed | None = None,
    check: Check | None = None,
    also: Also | None = None,
) -> list[Edited]:
    """Do all of the requests, at most one for each dataset, or nothing; what came of each.

    A request that changes nothing makes no version. ``check`` looks at each change set before it
    is published and may raise; ``also`` writes more within the same transaction. Raises what
    :func:`~quanyu.spacetime.editing.compute.compute` raises, :class:`Again` when a key has been
    answered, and ``Conflict`` when others were quicker time and again.
    """
    for attempt in range(_ATTEMPTS):
        if keyed is not None:
            with store.control.read() as session:
                _raise_known(session, editor, keyed)
        computed = [_computed(store, request) for request in requests]
        for changed, _ in computed:
            if check is not None and changed.changes:
                check(changed)
        try:
            return _publish(store, computed, editor, keyed, also)
        except Overtaken:
            # Apart, or the same writers would meet again.
            time.sleep(random.uniform(0, _PAUSE_S * (attempt + 1)))  # noqa: S311 - no secret
    raise Conflict(
        "others edited the same features again and again",
        mend="try again in a moment",
    )


def _computed(store: Store, request: EditRequest) -> tuple[ChangeSet, Edited]:
    version = store.newest(request.dataset)
    taken_back = request.undoes is not None or request.restores is not None
    return (undo if taken_back else compute)(store, version, request)


def _publish(
    store: Store,
    computed: Sequence[tuple[ChangeSet, Edited]],
    editor: Editor,
    keyed: Keyed | None,
    also: Also | None,
) -> list[Edited]:
    with store.control.begin() as session:
        made: dict[str, Version] = {}
        # In one order, so that two who edit the same datasets cannot wait for each other.
        for changed, _ in sorted(computed, key=lambda one: one[0].parent.dataset):
            if changed.changes:
                version = publish_edit(session, changed, editor)
                made[version.dataset] = version
        found = [
            replace(edited, version=made.get(changed.parent.dataset, changed.parent))
            for changed, edited in computed
        ]
        if also is not None:
            also(session, found)
        if keyed is not None:
            _raise_known(session, editor, keyed)
            keep_answer(session, editor, keyed.key, keyed.payload, dict(keyed.answer(found)))
    for dataset in made:
        store.mark_edited(dataset)
    return found


def _raise_known(session: Session, editor: Editor, keyed: Keyed) -> None:
    known = answer_to(session, editor, keyed.key, keyed.payload)
    if known is not None:
        raise Again(known)
