"""Chinese and English: texts of the catalogue in both, and interface messages by gettext.

Message ids are English; ``locale/zh/quanyu.po`` holds the Chinese. The ``.po`` file is read at
start-up, so there is nothing to compile.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from quanyu.kernel.errors import QuanyuError, fill

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
LOCALE = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class LocalText:
    """A text in Chinese and English; at least one of them is given."""

    zh: str = ""
    en: str = ""

    def __post_init__(self) -> None:
        if not (self.zh or self.en):
            raise ValueError("a text needs Chinese or English")

    def to(self, language: Language) -> str:
        """The text in that language, else in the other."""
        return (self.zh or self.en) if language == "zh" else (self.en or self.zh)


@cache
def messages(language: Language) -> dict[str, str]:
    """Translations by message id; empty for English, which is what the ids are."""
    path = LOCALE / language / "quanyu.po"
    if language == "en" or not path.exists():
        return {}
    with path.open("rb") as source:
        catalogue = read_po(source, locale=language)
    told = (m for m in catalogue if m.id and m.string and not m.fuzzy)
    return dict(map(message_pair, told))


def message_pair(message: Message) -> tuple[str, str]:
    """Id and text; of a message with a plural its singular, and the one form that Chinese has."""
    return _first(message.id), _first(message.string)


def _first(said: object) -> str:
    return str(said[0] if isinstance(said, tuple | list) else said or "")


def translate(language: Language, message: str, **params: object) -> str:
    """``message`` in that language, its ``{names}`` filled from ``params``."""
    return fill(messages(language).get(message, message), params)


def translate_count(
    language: Language, one: str, many: str, count: int, /, **params: object
) -> str:
    """``one`` or, where English counts otherwise than one, ``many``; ``{count}`` is the number
    unless it is given in another form (gettext's ``ngettext``)."""
    message = messages(language).get(one) or (one if count == 1 else many)
    return fill(message, {"count": count, **params})


def span_text(language: Language, seconds: float) -> str:
    """A duration in its two largest units, as people read it: ``2 h 5 min``, ``2 小时 5 分``."""
    whole = round(abs(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    parts = [
        (days, translate(language, "{count} d", count=days)),
        (hours, translate(language, "{count} h", count=hours)),
        (minutes, translate(language, "{count} min", count=minutes)),
        (rest, translate(language, "{count} s", count=rest)),
    ]
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(text for count, text in parts[first : first + 2] if count) or parts[-1][1]


def explain(error: QuanyuError, language: Language) -> tuple[str, str, str | None]:
    """Title, detail and mend of an error in that language."""
    mend = translate(language, error.mend, **error.params) if error.mend else None
    return (
        translate(language, error.title),
        translate(language, error.detail, **error.params),
        mend,
    )
