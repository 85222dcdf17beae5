"""Observations of the past as a file: ``POST /sensorthings/{slug}/files``, a form with the file.

The reader is that of ``quanyu streams load``. The file is on disk before it is read; it is taken in
only when all of it can be.
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quanyu.kernel import Invalid, NotFound, UnsupportedMedia
from quanyu.streams import (
    FilePlan,
    Loaded,
    datastream_numbers,
    declared_checks,
    default_features,
    distinct_in,
    load_into,
)
from quanyu.web.negotiate import media_of
from quanyu.web.node import Node, node_of
from quanyu.web.serve_stream import Writer, writer_of

FORM_FIELDS = ("time", "zone", "map", "datastream", "result", "text", "missing", "skip")
_FORM = "multipart/form-data"
_MOST_FIELDS = 200
_MOST_SKIPPED = 10_000


async def files(request: Request) -> Response:
    """``POST``: how many rows, observations, missing and replaced values there were."""
    if media_of(request) != _FORM:
        raise UnsupportedMedia(
            "a body of this media type is not read here",
            field="Content-Type",
            mend="send a form (multipart/form-data) with the field “file”",
        )
    writer = await writer_of(request, request.path_params["slug"])
    loaded = await take_in(request, writer)
    return JSONResponse(loaded_document(loaded), headers={"cache-control": "no-store"})


async def take_in(request: Request, writer: Writer) -> Loaded:
    """Take in the file of a form; raises what :func:`load_into` raises."""
    form = await request.form(max_files=1, max_fields=_MOST_FIELDS)
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("choose a file", field="file", mend="CSV or Parquet")
    node, said = node_of(request), _said(form)

    def work() -> Loaded:
        kept = node.settings.dir / "cache" / "uploads"
        kept.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=kept) as folder:
            path = Path(folder, "observations")
            with path.open("wb") as out:
                shutil.copyfileobj(file.file, out, 1 << 20)
            return _load(node, writer, path, said)

    return await run_in_threadpool(work)


def loaded_document(loaded: Loaded) -> dict[str, int]:
    """What became of a file, as JSON."""
    return {
        "rows": loaded.rows,
        "observations": loaded.observations,
        "missing": loaded.missing,
        "replaced": loaded.replaced,
    }


def _load(node: Node, writer: Writer, path: Path, said: Mapping[str, list[str]]) -> Loaded:
    of = writer.resource
    one = {name: values[0] for name, values in said.items() if values}
    wide = dict(map(_pair, said["map"]))
    which = (one["datastream"], one.get("result", "result")) if "datastream" in one else None
    skip = _skip(one.get("skip", "0"))
    ids = [*wide.values()] if which is None else distinct_in(path, which[0], skip)
    with node.control.begin() as session:  # features of interest are made where there are none
        numbers = datastream_numbers(session, of, ids)
        features = default_features(session, list(numbers.values()))
        checks = declared_checks(session, list(numbers.values()))
    for column, identifier in wide.items():
        if identifier not in numbers:
            raise NotFound(
                "there is no datastream {id}",
                field="map",
                mend="name one of this stream by its id for the column {column}",
                id=identifier[:80],
                column=column[:80],
            )
    plan = FilePlan(
        time=tuple(part.strip() for part in one.get("time", "phenomenonTime").split(",")),
        zone=one.get("zone", "UTC"),
        wide={column: numbers[identifier] for column, identifier in wide.items()},
        which=which,
        numbers=numbers if which is not None else {},
        texts=frozenset(said["text"]),
        skip=skip,
        features=features,
        checks=checks,
    )
    if said["missing"]:
        plan = replace(plan, missing=("", *said["missing"]))
    by = str(writer.caller.party or "")
    loaded = load_into(node.control, node.observations, of, path, plan, by=by)
    node.intake.pair(of, [(number, feature) for number, feature in features.items() if feature])
    return loaded


def _said(form: FormData) -> dict[str, list[str]]:
    """The fields of the form, each once a line."""
    for name in form:
        if name not in {*FORM_FIELDS, "file", "csrf_token"}:
            raise Invalid(
                "there is no field {name}",
                field=str(name)[:40],
                mend="use some of: {known}",
                name=str(name)[:40],
                known=", ".join(FORM_FIELDS),
            )
    return {
        name: [
            line.strip()
            for text in form.getlist(name)
            for line in _text(text, name).splitlines()
            if line.strip()
        ]
        for name in FORM_FIELDS
    }


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Invalid("a text is needed here", field=name)
    return value


def _pair(text: str) -> tuple[str, str]:
    column, equals, identifier = text.rpartition("=")
    if not equals or not column or not identifier:
        raise Invalid(
            "{text} is no pair",
            field="map",
            mend="write column=id of the datastream, one a line",
            text=text[:80],
        )
    return column.strip(), identifier.strip()


def _skip(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > _MOST_SKIPPED:
        raise Invalid("give a whole number", field="skip", mend="such as 1")
    return int(text)


def routes() -> list[Route]:
    """The route of files, beside the service of a stream."""
    return [Route("/sensorthings/{slug}/files", files, methods=["POST"])]
