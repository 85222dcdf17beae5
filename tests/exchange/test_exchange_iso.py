"""ISO 19115 in and out, in both forms of XML, and read by another reader (OWSLib)."""

import sys
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from lxml import etree
from owslib.iso import MD_Metadata as OldMetadata
from owslib.iso3 import MD_Metadata as NewMetadata

sys.path.insert(0, str(Path(__file__).parent))

from entries import ENTRIES

from quanyu.catalogue import Entry, Sensitivity, from_iso, to_iso


def shared(entry: Entry, found: Entry, *, new: bool) -> Entry:
    """What ISO has a place for; metadata always have a date, and an abstract."""
    fields = tuple(replace(one, sensitivity=Sensitivity.PUBLIC) for one in entry.fields)
    publisher = entry.publisher
    if publisher and not new:
        publisher = replace(publisher, identifier="")
    return replace(
        entry,
        abstract=entry.abstract or entry.title,
        fields=fields if new else (),
        modified=entry.modified or found.modified,
        publisher=publisher,
        attributes={},
        distributions=tuple(
            replace(one, checksum="", media_type="") for one in entry.distributions
        ),
    )


@settings(max_examples=40)
@given(entry=ENTRIES)
def test_19115_3_keeps_what_it_shares(entry: Entry) -> None:
    parsed = from_iso(to_iso(entry))
    assert not parsed.rejects
    assert not parsed.notes
    assert parsed.entries == (shared(entry, parsed.entries[0], new=True),)


@settings(max_examples=40)
@given(entry=ENTRIES)
def test_19139_keeps_what_it_shares(entry: Entry) -> None:
    parsed = from_iso(to_iso(entry, "19139"))
    assert not parsed.rejects
    assert parsed.entries == (shared(entry, parsed.entries[0], new=False),)


@settings(max_examples=15)
@given(entry=ENTRIES)
def test_owslib_reads_both(entry: Entry) -> None:
    old = OldMetadata(etree.fromstring(to_iso(entry, "19139")))
    # OWSLib 0.36 stumbles over its own reader of feature catalogues.
    new = NewMetadata(etree.fromstring(to_iso(replace(entry, fields=()))))
    for found in (old, new):
        assert found.identifier == entry.identifier
        assert found.identification[0].title == entry.title.to("zh")
        if entry.bbox:
            box = found.identification[0].extent.boundingBox
            assert float(box.minx) == entry.bbox[0]
            assert float(box.maxy) == entry.bbox[3]
