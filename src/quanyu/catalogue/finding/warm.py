"""Dictionaries loaded before the first question, which would wait for them."""

from quanyu.catalogue.finding.pinyin import spelling
from quanyu.catalogue.finding.synonyms import synonyms
from quanyu.catalogue.finding.words import segments, stem
from quanyu.catalogue.letters import runs


def load_dictionaries() -> None:
    """Load what cutting, spelling and stemming need; seconds at first, nothing after that."""
    for han, latin in runs("公交車站点 stations"):
        if han:
            segments(han)
            spelling(han)
        else:
            stem(latin)
    synonyms()
