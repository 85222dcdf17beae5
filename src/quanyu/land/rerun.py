"""Out of a record what it was made of, so that it can be made again."""

from dataclasses import replace
from datetime import date

import orjson

from quanyu.kernel import canonical
from quanyu.land.model import Asked, Project, Record
from quanyu.land.project import NUMBERS, project_of


def inputs_of(record: Record) -> tuple[Project, Asked]:
    """Project, day and versions of a record. With the declarations that were in force at
    ``record.at``, the same agreements, tables and settings, :func:`check_project` gives a report
    of the same digest."""
    document = orjson.loads(record.report)
    said = document["project"]
    values = {name: said[name] for name in ("name", "use", "scheme", *NUMBERS)}
    project = project_of(values, canonical(said["geometry"]))
    versions = {one["dataset"]: one["version"] for one in document["sources"]}
    return replace(project, crs=said["crs"]), Asked(date.fromisoformat(document["day"]), versions)
