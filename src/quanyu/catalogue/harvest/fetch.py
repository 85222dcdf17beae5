"""One question to a source: within a time altogether, and only a catalogue for an answer."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from quanyu.kernel import (
    Answered,
    Invalid,
    Outbound,
    QuanyuError,
    Settings,
    Unavailable,
    ask,
)

WHOLE_SECONDS = 45.0
"""How long one answer may take from first to last byte: a source that drips holds nobody up."""

MOST_BYTES = 64 << 20
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_AGENT = {"user-agent": "quanyu harvester", "accept-language": "zh, en;q=0.9"}


@dataclass(frozen=True, slots=True)
class Reach:
    """How far harvesting reaches: see :class:`~quanyu.kernel.Outbound`."""

    allow_private: bool = False
    max_bytes: int = MOST_BYTES
    timeout: float = 20.0
    whole_seconds: float = WHOLE_SECONDS


def reach_of(settings: Settings) -> Reach:
    """How far a node reaches, by its settings."""
    return Reach(settings.allow_private_urls, settings.harvest_max_bytes)


def fetch(
    url: str,
    reach: Reach,
    *,
    accept: str,
    content: bytes | None = None,
    content_type: str = "",
) -> Answered:
    """What ``url`` answers, a 2xx that is no web page.

    Raises ``Unavailable`` for what may be better later (time, refused connection, 5xx), else
    ``Invalid``, ``Refused`` or ``TooLarge``.
    """
    headers = {**_AGENT, "accept": accept}
    if content is not None:
        headers["content-type"] = content_type
    answer = _within(url, reach, headers, content)
    if answer.status in _BUSY:
        raise Unavailable(
            "the source answered {status}",
            field="url",
            mend="it is asked again later",
            status=answer.status,
        )
    if not 200 <= answer.status < 300:
        raise Invalid(
            "the source answered {status}: {why}",
            field="url",
            mend="check the address and the kind of the source",
            status=answer.status,
            why=excerpt(answer.content),
        )
    if _is_page(answer):
        raise Invalid(
            "the source answered with a web page, not with a catalogue: {why}",
            field="url",
            mend="give the address of the interface; it may also ask for a sign-in",
            why=excerpt(answer.content),
        )
    return answer


def fetch_json(url: str, reach: Reach, *, accept: str = "application/json") -> dict[str, object]:
    """What ``url`` answers, a JSON object; raises as :func:`fetch`."""
    answer = fetch(url, reach, accept=accept)
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise Invalid(
            "the source's answer is no JSON: {why}",
            field="url",
            mend="check the kind of the source",
            why=str(error),
        ) from error
    if not isinstance(document, dict):
        raise odd_answer("not an object")
    return document


def odd_answer(why: str) -> Invalid:
    """The error for an answer that is well-formed and not what the interface gives."""
    return Invalid(
        "the source's answer is not what this interface gives: {why}",
        field="url",
        mend="check the kind of the source",
        why=why[:300],
    )


def excerpt(content: bytes) -> str:
    """The beginning of an answer in words, for the reason."""
    text = content[:4000].decode("utf-8", "replace")
    text = re.sub(r"(?is)<(script|style)\b.*?</\1>|<[^>]*>", " ", text)
    return " ".join(text.split())[:200]


def _is_page(answer: Answered) -> bool:
    start = answer.content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _within(url: str, reach: Reach, headers: Mapping[str, str], content: bytes | None) -> Answered:
    out = Outbound(reach.allow_private, reach.max_bytes, field="url", timeout=reach.timeout)
    said: list[Answered | Exception] = []

    def work() -> None:
        try:
            method = "GET" if content is None else "POST"
            said.append(ask(url, out, method=method, headers=headers, content=content))
        except Exception as error:  # noqa: BLE001 - carried over to the thread that waits
            said.append(error)

    asking = threading.Thread(target=work, name="harvest-ask", daemon=True)
    asking.start()
    asking.join(reach.whole_seconds)
    if not said:
        raise Unavailable(
            "the source did not finish its answer within {seconds} seconds",
            field="url",
            mend="it is asked again later",
            seconds=int(reach.whole_seconds),
        )
    if isinstance(said[0], QuanyuError):
        raise said[0]
    if isinstance(said[0], Exception):
        raise Unavailable(
            "the source could not be asked: {why}",
            field="url",
            mend="it is asked again later",
            why=type(said[0]).__name__,
        ) from said[0]
    return said[0]
