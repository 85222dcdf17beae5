"""Where data comes from: a local file, an archive with one in it, or a URL."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from quanyu.kernel import Invalid, Outbound, download
from quanyu.spacetime.intake.archive import unpacked
from quanyu.spacetime.intake.detect import FORMATS, detect
from quanyu.spacetime.intake.model import IngestOptions

_BY_ENDING = ("geojson", "geojsonseq", "gpkg", "flatgeobuf")


@dataclass(frozen=True, slots=True)
class Source:
    """A source as a local file, or none when this program makes the rows itself.

    ``said`` is how the user named it (without credentials); ``key`` is the SHA-256 of the file, or
    of what was said; ``form`` is a key of :data:`~quanyu.spacetime.FORMATS`.
    """

    path: Path | None
    said: str
    key: str
    form: str
    proposed: str
    warnings: tuple[str, ...] = ()


def resolve(source: str | Path, options: IngestOptions, folder: Path) -> Source:
    """Make ``source`` a readable local file; downloads and archives go into ``folder``.

    Raises ``Invalid`` (field ``source``) when there is nothing to read.
    """
    said = str(source)
    if re.match(r"(?i)https?://", said):
        out = Outbound(options.allow_private, options.max_bytes, field="source")
        found = download(said, out, folder)
        path, said = found.path, found.url
    elif "://" in said:
        raise Invalid(
            "sources of this kind are not read",
            field="source",
            mend="give a file or an http(s) URL",
        )
    else:
        path = Path(said).expanduser().resolve()
        if not path.is_file():
            raise Invalid(
                "there is no file {path}", field="source", mend="check the path", path=said
            )
        said = path.name
    digest = sha256_of(path)
    inner = unpacked(path, folder / f"unpacked-{digest[:16]}", options.max_bytes)
    form = _form(inner, options)
    usual = [name for name, endings in FORMATS.items() if inner.suffix.lower() in endings]
    told = f"the name ends in {inner.suffix}, but the content is {form}"
    return Source(
        path=_linked(inner, form, folder),
        said=said,
        key=digest,
        form=form,
        proposed=_proposed(inner if inner != path else Path(said)),
        warnings=(told,) if usual and form not in usual else (),
    )


def _form(path: Path, options: IngestOptions) -> str:
    if options.format is None:
        return detect(path)
    if options.format not in FORMATS:
        raise Invalid(
            "“{format}” is no format that is read here",
            field="format",
            mend="give one of: {formats}",
            format=options.format,
            formats=", ".join(FORMATS),
        )
    return options.format


def _linked(path: Path, form: str, folder: Path) -> Path:
    """The file under a name with the ending that GDAL expects of its format."""
    if form not in _BY_ENDING or path.suffix.lower() in FORMATS[form]:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / (path.stem + FORMATS[form][0])
    link.unlink(missing_ok=True)
    link.symlink_to(path)
    return link


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _proposed(path: Path) -> str:
    """A dataset name out of a file name."""
    stem = path.name.split(".", 1)[0].lower()
    words = re.sub(r"[^a-z0-9]+", "-", stem).strip("-")[:64].strip("-")
    return words or "dataset"
