"""DCAT in and out: what is written is read as it was."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings

sys.path.insert(0, str(Path(__file__).parent))

from entries import ENTRIES

from quanyu.catalogue import Entry, from_dcat, to_dcat

FORMS = ["text/turtle", "application/rdf+xml", "application/ld+json"]


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40)
@given(entry=ENTRIES)
def test_what_is_written_is_read(form: str, entry: Entry) -> None:
    parsed = from_dcat(to_dcat([entry], form), form)
    assert not parsed.rejects
    assert not parsed.notes
    assert parsed.entries == (entry,)
