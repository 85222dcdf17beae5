"""Words that mean the same: a file, read again when it changes, used when a question is read.

One group a line, its members parted by commas; ``#`` begins a comment. A member may be several
words. Any member finds all others, in either language::

    公交, 公共汽车, 巴士, bus, public transport

The index holds no synonyms, so a change of the file needs no indexing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import Lock

import structlog

from quanyu.catalogue.finding.words import segments, stem
from quanyu.catalogue.letters import runs
from quanyu.kernel import Invalid

log = structlog.get_logger(__name__)
_MOST_BYTES = 4 << 20
_SHIPPED = "synonyms.txt"

Member = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Synonyms:
    """What each word, or several together, may also be called."""

    groups: Mapping[str, tuple[Member, ...]]

    def of(self, words: Sequence[str]) -> tuple[Member, ...]:
        """Other names of these words taken together."""
        return self.groups.get(_key(words), ())


def read_synonyms(text: str) -> Synonyms:
    """The synonyms of a file's text; raises :class:`Invalid` with the line that is wrong."""
    groups: dict[str, dict[Member, None]] = defaultdict(dict)
    for number, line in enumerate(text.splitlines(), 1):
        said = line.partition("#")[0].strip()
        if not said:
            continue
        members = [_member(part) for part in said.replace("，", ",").split(",")]
        if len(members) < 2 or not all(members):
            raise Invalid(
                "line {line} of the synonyms is no group of words",
                field="synonyms",
                mend="write at least two names of one thing, parted by commas",
                line=number,
            )
        for member in members:
            groups[_key(member)].update(
                dict.fromkeys(other for other in members if other != member)
            )
    return Synonyms({key: tuple(others) for key, others in groups.items()})


def use_synonyms(file: Path | None) -> None:
    """Take synonyms from ``file`` from now on; ``None`` for those that are shipped."""
    _source.use(file)


def synonyms() -> Synonyms:
    """The synonyms as their file says now."""
    return _source.now()


class _Source:
    """The file in use and what was read of it. A file that cannot be read leaves the last good
    synonyms in use, and a line in the log."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.use(None)

    def use(self, file: Path | None) -> None:
        with self._lock:
            self._file = file
            self._stamp: tuple[int, int] | None = None
            self._read: Synonyms | None = None

    def now(self) -> Synonyms:
        with self._lock:
            if self._file is None:
                if self._read is None:
                    shipped = resources.files(__package__).joinpath(_SHIPPED)
                    self._read = read_synonyms(shipped.read_text("utf-8"))
                return self._read
            return self._of_file(self._file)

    def _of_file(self, file: Path) -> Synonyms:
        try:
            state = file.stat()
            stamp = (state.st_mtime_ns, state.st_size)
            if stamp != self._stamp or self._read is None:
                self._stamp = stamp
                self._read = read_synonyms(_text_of(file, state.st_size))
        except (OSError, UnicodeDecodeError, Invalid) as error:
            log.warning("synonyms.unreadable", file=str(file), why=str(error))
        return self._read or Synonyms({})


def _text_of(file: Path, size: int) -> str:
    if size > _MOST_BYTES:
        raise Invalid("the file of synonyms is too large", field="synonyms", mend="shorten it")
    return file.read_text("utf-8-sig")


_source = _Source()


def _member(text: str) -> Member:
    return tuple(word for han, latin in runs(text) for word in (segments(han) if han else [latin]))


def _key(words: Sequence[str]) -> str:
    """Chinese without blanks, so that it matters not how either was cut; English by its stems."""
    key = ""
    for word in words:
        part = stem(word)
        key += f" {part}" if key and key[-1:].isascii() and part.isascii() else part
    return key
