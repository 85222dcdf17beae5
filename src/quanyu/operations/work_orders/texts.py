"""What people type, fit to be kept and shown."""

import unicodedata

from quanyu.kernel import Invalid

LONGEST_LINE, LONGEST_TEXT = 200, 5_000
_BREAKS = {"\n", "\t"}


def one_line(text: str, field: str, *, needed: bool = False, longest: int = LONGEST_LINE) -> str:
    """A line of text, blanks around it cut; raises :class:`Invalid` on ``field``."""
    return _checked(text, field, longest, frozenset(), needed=needed)


def a_text(text: str, field: str, *, needed: bool = False) -> str:
    """A text of several lines; raises :class:`Invalid` on ``field``."""
    said = text.replace("\r\n", "\n")
    return _checked(said, field, LONGEST_TEXT, frozenset(_BREAKS), needed=needed)


def _checked(text: str, field: str, longest: int, breaks: frozenset[str], *, needed: bool) -> str:
    found = unicodedata.normalize("NFC", text).strip()
    if needed and not found:
        raise Invalid("this is missing", field=field, mend="write something")
    if len(found) > longest:
        raise Invalid(
            "this text is longer than {longest} characters",
            field=field,
            mend="shorten it",
            longest=longest,
        )
    # PostgreSQL takes no NUL and no lone surrogate, and nobody can read other control characters.
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in breaks for c in found):
        raise Invalid("this text has unprintable characters", field=field, mend="take them out")
    return found
