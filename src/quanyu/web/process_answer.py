"""Results of a job as Part 1 sends them (18-062r2, 7.11.4): raw, in a document, or by reference."""

import base64
import secrets
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from quanyu.compute import Answered, Holds, Job, Result, Wanted
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.process_words import ROOT

_HEADERS = {"cache-control": "private, no-cache", "vary": "Accept, Authorization, Cookie"}


def results_answer(job: Job, results: Sequence[Result], asked: Answered, base: str) -> Response:
    """What was asked for of the results; one raw value as itself, several as multipart/related."""
    made = {one.output: one for one in results}
    chosen = [(made[one.output], one) for one in asked.outputs if one.output in made]
    headers = {**_HEADERS, "link": ", ".join(_links(job, base))}
    if asked.as_document:
        document = {one.output: _in_document(job, one, how, base) for one, how in chosen}
        return Response(orjson.dumps(document), headers=headers, media_type=MEDIA_TYPES["json"])
    values = [one for one, how in chosen if not how.reference]
    references = [
        f'<{_address(job, one, base)}>; rel="{one.output}"; type="{one.media_type}"'
        for one, how in chosen
        if how.reference
    ]
    headers["link"] = ", ".join([headers["link"], *references])
    if not values:
        return Response(b"", 204, headers)
    if len(values) == 1:
        return Response(values[0].body, headers=headers, media_type=values[0].media_type)
    mark = secrets.token_hex(16)
    parts = [
        f"--{mark}\r\nContent-ID: <{one.output}>\r\nContent-Type: {one.media_type}\r\n\r\n".encode()
        + one.body
        + b"\r\n"
        for one in values
    ]
    body = b"".join([*parts, f"--{mark}--\r\n".encode()])
    return Response(body, headers=headers, media_type=f'multipart/related; boundary="{mark}"')


def one_result(job: Job, result: Result, base: str) -> Response:
    """One output as itself, to be kept as a file."""
    ending = {Holds.VALUE: "json", Holds.FEATURES: "geojson", Holds.GRID: "tif"}[result.holds]
    name = f"{job.process}-{result.output}.{ending}"
    headers = {
        **_HEADERS,
        "link": ", ".join(_links(job, base)),
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Response(result.body, headers=headers, media_type=result.media_type)


def _links(job: Job, base: str) -> list[str]:
    links = [f'<{base}{ROOT}/jobs/{job.id}>; rel="monitor"; type="application/json"']
    links += [f'<{base}/log/receipts/{one.use}>; rel="receipt"' for one in job.sources if one.use]
    return links


def _address(job: Job, result: Result, base: str) -> str:
    return f"{base}{ROOT}/jobs/{job.id}/results/{result.output}"


def _in_document(job: Job, result: Result, how: Wanted, base: str) -> Any:
    if how.reference:
        return {"href": _address(job, result, base), "type": result.media_type}
    if result.holds is Holds.VALUE:
        return orjson.Fragment(result.body)
    if result.holds is Holds.FEATURES:
        return {"value": orjson.Fragment(result.body), "mediaType": result.media_type}
    return {
        "value": base64.b64encode(result.body).decode(),
        "encoding": "base64",
        "mediaType": result.media_type,
    }
