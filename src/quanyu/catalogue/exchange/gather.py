"""Many things said in one document made into entries, the good ones kept and the others noted."""

from collections.abc import Iterable

from quanyu.catalogue.exchange.clean import Notes, entry_of_said
from quanyu.catalogue.exchange.model import Entry, Parsed, Remark
from quanyu.catalogue.exchange.said import Said
from quanyu.kernel import Invalid


def gather(
    found: Iterable[tuple[str, Said]],
    base: str = "",
    *,
    onward: str = "",
    total: int | None = None,
    rejects: Iterable[Remark] = (),
) -> Parsed:
    """Entries out of what was said at each place; ``rejects`` are those known before.

    The first of two entries with one identifier is kept.
    """
    entries: dict[str, Entry] = {}
    refused = list(rejects)
    notes: list[Remark] = []
    for place, said in found:
        remarks = Notes(place)
        try:
            entry = entry_of_said(said, remarks, base)
        except Invalid as error:
            refused.append(Remark(place, error))
            continue
        if entry.identifier in entries:
            refused.append(Remark(place, _twice(entry.identifier)))
            continue
        entries[entry.identifier] = entry
        notes += remarks.remarks
    return Parsed(tuple(entries.values()), tuple(refused), tuple(notes), onward, total)


def _twice(identifier: str) -> Invalid:
    return Invalid(
        "the identifier “{identifier}” stands twice in this document",
        field="identifier",
        mend="give each entry its own",
        identifier=identifier[:200],
    )
