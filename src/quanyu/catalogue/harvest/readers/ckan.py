"""CKAN's Action API: ``package_search``, by position."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from quanyu.catalogue.harvest.fetch import Reach, fetch, odd_answer
from quanyu.catalogue.harvest.model import SourceSettings
from quanyu.catalogue.harvest.readers.page import Cursor, SourcePage, whole_number


def read(url: str, settings: SourceSettings, cursor: Cursor | None, reach: Reach) -> SourcePage:
    """``…/api/3/action/package_search?rows=…&start=…``, ordered so that pages do not shift."""
    from quanyu.catalogue.exchange import from_ckan, loads

    start = int((cursor or {}).get("start", 0))
    query = {"rows": settings.page_size, "start": start, "sort": "id asc"}
    if settings.filter:
        query["fq"] = settings.filter
    address = f"{_api(url)}/package_search?{urlencode(query)}"
    answer = fetch(address, reach, accept="application/json")
    packages, total = _result(loads(answer.content))
    found = [from_ckan(package, base=answer.url) for package in packages]
    after = start + len(packages)
    more = bool(packages) and (total is None or after < total)
    return SourcePage(
        entries=tuple(entry for one in found for entry in one.entries),
        rejects=tuple(remark for one in found for remark in one.rejects),
        next={"start": after} if more else None,
        total=total,
    )


def _api(url: str) -> str:
    """The address of the actions, whether the portal's or the API's own was given."""
    before, found, _ = url.partition("/api/")
    root = before if found else url.partition("?")[0]
    # ``/dataset`` and ``/zh/dataset`` are pages of the portal, not part of its address.
    head, tail = root.rstrip("/").rpartition("/")[::2]
    if tail == "dataset" and urlsplit(head).netloc:
        root = head
    return f"{root.rstrip('/')}/api/3/action"


def _result(document: Any) -> tuple[list[dict[str, Any]], int | None]:
    if not isinstance(document, dict):
        raise odd_answer("not an object")
    if document.get("success") is not True:
        raise odd_answer(f"success is false: {document.get('error')}")
    result = document.get("result")
    packages = result.get("results") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(packages, list):
        raise odd_answer("there are no results")
    if not all(isinstance(package, dict) for package in packages):
        raise odd_answer("a result is not an object")
    return packages, whole_number(result.get("count"))
