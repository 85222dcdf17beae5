"""Processes and jobs as OGC API – Processes Part 1 (18-062r2) writes them."""

from typing import Any

from quanyu.compute import (
    MEDIA_TYPES,
    Holds,
    Input,
    Job,
    Output,
    Problem,
    ProcessDescription,
    State,
)
from quanyu.kernel import Language, NotFound, QuanyuError, explain
from quanyu.web.documents import Link, link
from quanyu.web.problems import KINDS

ROOT = "/ogc/processes"
_EXCEPTION = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/{}"
_REL = "http://www.opengis.net/def/rel/ogc/1.0/{}"
_GEOJSON_SCHEMA = "https://geojson.org/schema/FeatureCollection.json"


class NoSuchProcess(NotFound):
    """There is no process of that id."""

    type = _EXCEPTION.format("no-such-process")


class NoSuchJob(NotFound):
    """There is no job of that id, or it is another party's."""

    type = _EXCEPTION.format("no-such-job")


class ResultNotReady(NotFound):
    """The job is not over yet."""

    type = _EXCEPTION.format("result-not-ready")


def summary(of: ProcessDescription, language: Language, base: str) -> dict[str, Any]:
    """A process in the list of them."""
    here = f"{base}{ROOT}/processes/{of.id}"
    return {
        "id": of.id,
        "title": of.title.to(language),
        "description": of.description.to(language),
        "version": of.version,
        "keywords": [word.to(language) for word in of.keywords],
        "metadata": [
            {
                "role": "https://www.opengis.net/def/metadata/reference",
                "title": one.title,
                **({} if one.url is None else {"href": one.url}),
            }
            for one in of.references
        ],
        "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
        "outputTransmission": ["value", "reference"],
        "links": [
            link(here, "self", "json", of.title.to(language)),
            link(f"{base}/processes/{of.id}", "alternate", "html", of.title.to(language)),
        ],
    }


def described(of: ProcessDescription, language: Language, base: str) -> dict[str, Any]:
    """A process with its inputs and outputs."""
    found = summary(of, language, base)
    found["description"] = f"{of.description.to(language)}\n\n{of.accuracy.to(language)}"
    found["links"].append(
        link(f"{base}{ROOT}/processes/{of.id}/execution", _REL.format("execute"), "json")
    )
    return found | {
        "inputs": {name: _input(one, language) for name, one in of.inputs.items()},
        "outputs": {name: _output(one, language) for name, one in of.outputs.items()},
    }


def _input(one: Input, language: Language) -> dict[str, Any]:
    return {
        "title": one.title.to(language),
        "description": one.description.to(language),
        "schema": _schema_in(one),
        "minOccurs": 1 if one.needed else 0,
        "maxOccurs": 1,
        "valuePassing": ["byValue"] if one.holds is Holds.VALUE else ["byValue", "byReference"],
    }


def _schema_in(one: Input) -> dict[str, Any]:
    if one.holds is Holds.VALUE:
        found = dict(one.schema) | _unit(one.unit)
        return found if one.default is None else found | {"default": one.default}
    texts = ("datetime", "filter-lang", "agreement", "purpose")
    narrowed: dict[str, Any] = {name: {"type": "string"} for name in texts}
    narrowed["version"] = {"type": "integer", "minimum": 1}
    narrowed["bbox"] = {"type": "array", "items": {"type": "number"}, "minItems": 4}
    if one.holds is Holds.GRID:
        narrowed["band"] = {"type": "string"}
    else:
        narrowed["filter"] = {"type": ["string", "object"]}
    named = {
        "type": "object",
        "required": ["collection"],
        "properties": {"collection": {"type": "string"}, **narrowed},
        "format": "ogc-coverage-collection"
        if one.holds is Holds.GRID
        else "ogc-feature-collection",
    }
    if one.holds is Holds.GRID:
        return named
    return {"oneOf": [named, _geojson()], "x-ogc-shapes": sorted(one.shapes)}


def _geojson() -> dict[str, Any]:
    return {
        "type": "object",
        "format": "geojson-feature-collection",
        "contentMediaType": MEDIA_TYPES[Holds.FEATURES],
        "contentSchema": _GEOJSON_SCHEMA,
    }


def _output(one: Output, language: Language) -> dict[str, Any]:
    schema: dict[str, Any] = dict(one.schema) | _unit(one.unit)
    if one.holds is Holds.FEATURES:
        schema = _geojson()
    elif one.holds is Holds.GRID:
        schema = {
            "type": "string",
            "contentEncoding": "binary",
            "contentMediaType": MEDIA_TYPES[Holds.GRID],
        }
    return {
        "title": one.title.to(language),
        "description": one.description.to(language),
        "schema": schema,
    }


def _unit(unit: str | None) -> dict[str, str]:
    return {} if unit is None else {"x-ogc-unit": unit, "x-ogc-unitLang": "UCUM"}


def status_of(job: Job, language: Language, base: str) -> dict[str, Any]:
    """A job's status (7.13): when it was what, how far it is, what it read, why it failed."""
    here = f"{base}{ROOT}/jobs/{job.id}"
    found = {
        "processID": job.process,
        "type": "process",
        "jobID": job.id,
        "status": job.state.value,
        "message": explain(problem_of(job.problem), language)[1] if job.problem else None,
        "created": _time(job.created),
        "started": _time(job.started),
        "finished": _time(job.finished),
        "updated": _time(job.updated),
        "expires": _time(job.expires),
        "progress": int(job.progress * 100),
        "processVersion": job.version,
        "inputsDigest": f"sha256:{job.inputs}",
        "leaf": job.leaf,
        "lineage": [
            {
                "input": one.input,
                "collection": one.collection,
                "version": one.version,
                "rows": one.rows,
                "use": one.use,
            }
            for one in job.sources
        ],
    }
    return {name: value for name, value in found.items() if value is not None} | {
        "links": _job_links(job, here, base)
    }


def _job_links(job: Job, here: str, base: str) -> list[Link]:
    links = [link(here, "monitor", "json")]
    if job.state is State.SUCCESSFUL:
        links.append(link(f"{here}/results", _REL.format("results"), "json"))
    elif job.state is State.FAILED:
        links.append(link(f"{here}/results", _REL.format("exceptions"), "problem"))
    links += [
        link(f"{base}/log/receipts/{one.use}", "receipt", "json") for one in job.sources if one.use
    ]
    return links


def _time(value: Any) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%SZ")


def problem_of(problem: Problem) -> QuanyuError:
    """The error by which a job failed, as it was raised."""
    kind = next((one for one in KINDS if one.type == problem.type), QuanyuError)
    error = kind(problem.detail, **problem.params)
    error.field, error.mend, error.rule = problem.field, problem.mend, problem.rule
    return error
