"""HTTP to other hosts, kept out of private networks and within a size.

The one way in which a node asks anything of a host that somebody else named: sources of data,
catalogues to harvest, webhooks. Each address on the way (redirects too) is resolved once, checked,
and the connection made to exactly that address, so that a name cannot change its mind between
check and use.
"""

import hashlib
import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from quanyu.kernel.errors import Invalid, Refused, TooLarge, Unavailable
from quanyu.kernel.whole_files import whole_file

if TYPE_CHECKING:  # they are loaded when somebody is asked: a node starts without
    import ssl

    import httpx

_REDIRECTS = 5
_TIMEOUT = 30.0
_SAME_METHOD = frozenset({307, 308})


@dataclass(frozen=True, slots=True)
class Outbound:
    """How far a node reaches out.

    allow_private  whether hosts in private networks may be asked.
    max_bytes      the longest answer that is read.
    field          what errors name as the field at fault.
    timeout        seconds to wait for any single block.
    """

    allow_private: bool = False
    max_bytes: int = 64 << 20
    field: str = "url"
    timeout: float = _TIMEOUT


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read whole. ``url`` is where it came from in the end, without secrets."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded file; ``url`` is what was asked for, without secrets."""

    path: Path
    url: str


def ask(
    url: str,
    out: Outbound,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Answered:
    """What ``url`` answers, whatever its status.

    Raises ``Refused`` (rule ``fetch.private``), ``TooLarge``, ``Unavailable``, ``Invalid``.
    """
    with _answer(url, out, method, headers or {}, content) as (response, here):
        taken = bytearray()
        for block in response.iter_bytes(1 << 16):
            taken += block
            _check_size(len(taken), out)
        return Answered(response.status_code, response.headers, bytes(taken), without_secrets(here))


def send_file(
    url: str,
    out: Outbound,
    file: Path,
    *,
    headers: Mapping[str, str],
    go_on: Callable[[], None] = lambda: None,
) -> Answered:
    """What ``url`` answers to the content of ``file``, sent by POST block after block.

    ``go_on`` is called before each block and ends the sending by raising. A redirect is not
    followed: it is the answer. Raises as :func:`ask`.
    """
    import httpx

    def blocks() -> Iterator[bytes]:
        with file.open("rb") as data:
            while block := data.read(1 << 18):
                go_on()
                yield block

    said = {**headers, "content-length": str(file.stat().st_size)}
    with _client(out) as client:
        request = _request(client, url, out, method="POST", headers=said, content=blocks())
        try:
            response = client.send(request, stream=True)
            try:
                taken = bytearray()
                for block in response.iter_bytes(1 << 16):
                    taken += block
                    _check_size(len(taken), out)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise Unavailable(
                "nothing could be sent to {url}: {why}",
                url=without_secrets(url),
                why=type(error).__name__,
                field=out.field,
                mend="try again",
            ) from error
        return Answered(response.status_code, response.headers, bytes(taken), without_secrets(url))


def download(url: str, out: Outbound, folder: Path) -> Fetched:
    """Download ``url`` into ``folder``; raises as :func:`ask`, and when the answer is not 200."""
    folder.mkdir(parents=True, exist_ok=True)
    # Not compressed on the way, so that what is kept is what was offered.
    with _answer(url, out, "GET", {"accept-encoding": "identity"}, None) as (response, here):
        if response.status_code != 200:
            raise Unavailable(
                "{url} answered {status}",
                url=without_secrets(here),
                status=response.status_code,
                field=out.field,
                mend="check the URL",
            )
        return Fetched(_saved(response, here, out, folder), without_secrets(url))


def _client(out: Outbound) -> "httpx.Client":
    import httpx

    timeout = httpx.Timeout(out.timeout, connect=min(10.0, out.timeout))
    return httpx.Client(
        timeout=timeout, follow_redirects=False, trust_env=False, verify=_authorities()
    )


@cache
def _authorities() -> "ssl.SSLContext":
    """Who may vouch for a host: read once, as it takes longer than most answers."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def without_secrets(url: str) -> str:
    """``url`` without user, password and query: those may be secrets."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, (parts.hostname or "") + port, parts.path, "", ""))


@contextmanager
def _answer(
    url: str, out: Outbound, method: str, headers: Mapping[str, str], content: bytes | None
) -> Iterator[tuple["httpx.Response", str]]:
    import httpx

    with _client(out) as client:
        here = url
        for _ in range(_REDIRECTS + 1):
            request = _request(client, here, out, method=method, headers=headers, content=content)
            try:
                response = client.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        yield response, here
                        return
                    there = _onward(here, response.headers["location"], out)
                    if response.status_code not in _SAME_METHOD and method != "GET":
                        method, content = "GET", None
                    if urlsplit(there)[:2] != urlsplit(here)[:2]:
                        # What was meant for one host is not told to another.
                        headers = {k: v for k, v in headers.items() if k.lower() not in _SECRET}
                    here = there
                finally:
                    response.close()
            except httpx.HTTPError as error:
                raise Unavailable(
                    "{url} could not be fetched: {why}",
                    url=without_secrets(here),
                    why=type(error).__name__,
                    field=out.field,
                    mend="try again, or download it and give the file",
                ) from error
    raise Invalid("the URL redirects too often", field=out.field, mend="give the final URL")


_SECRET = frozenset({"authorization", "cookie", "x-api-key"})


def _onward(here: str, location: str, out: Outbound) -> str:
    try:
        return urljoin(here, location)
    except ValueError as error:
        raise _no_url(out) from error


def _request(
    client: "httpx.Client",
    url: str,
    out: Outbound,
    *,
    method: str,
    headers: Mapping[str, str],
    content: bytes | Iterator[bytes] | None,
) -> "httpx.Request":
    import httpx

    try:
        parts = urlsplit(url)
        port_given = parts.port
    except ValueError as error:
        raise _no_url(out) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _no_url(out)
    address = _address(parts.hostname, port_given or (443 if parts.scheme == "https" else 80), out)
    host = f"[{address}]" if ":" in address else address
    port = f":{port_given}" if port_given else ""
    pinned = urlunsplit((parts.scheme, host + port, parts.path or "/", parts.query, ""))
    name = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    try:
        request = client.build_request(
            method,
            pinned,
            headers={**headers, "host": name + port},
            content=content,
            extensions={"sni_hostname": parts.hostname},
        )
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _no_url(out) from error
    if parts.username:
        auth = httpx.BasicAuth(unquote(parts.username), unquote(parts.password or ""))
        request = next(auth.sync_auth_flow(request))
    return request


def _no_url(out: Outbound) -> Invalid:
    return Invalid(
        "the URL is not one of http or https", field=out.field, mend="give an http(s) URL"
    )


def resolve_host(host: str, port: int, *, allow_private: bool, field: str = "url") -> str:
    """The address to connect to for ``host``: for what speaks no HTTP and must keep to the same
    bounds. Raises ``Refused`` (rule ``fetch.private``) and ``Unavailable`` for no such host."""
    return _address(host, port, Outbound(allow_private, field=field))


def _address(host: str, port: int, out: Outbound) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(
            "there is no host {host}", host=host, field=out.field, mend="check the URL"
        ) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not out.allow_private and not all(map(_public, addresses)):
        raise Refused(
            "{host} is in a private network",
            rule="fetch.private",
            field=out.field,
            mend="set QUANYU_ALLOW_PRIVATE_URLS if this node may read from there",
            host=host,
        )
    return addresses[0]


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if ip.version == 6 and ip in _NAT64:  # RFC 6052: the last four bytes are an IPv4 address
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.is_global and not ip.is_multicast and (inner is None or _public(str(inner)))


def _saved(response: "httpx.Response", url: str, out: Outbound, folder: Path) -> Path:
    name = Path(unquote(urlsplit(url).path)).name or "download"
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    target = folder / f"fetched-{key}" / name[-100:]
    target.parent.mkdir(parents=True, exist_ok=True)
    taken = 0
    with whole_file(target) as unfinished, unfinished.open("wb") as file:
        for block in response.iter_bytes(1 << 20):
            taken += len(block)
            _check_size(taken, out)
            file.write(block)
    return target


def _check_size(taken: int, out: Outbound) -> None:
    if taken > out.max_bytes:
        raise TooLarge(
            "the answer is larger than {limit} bytes",
            field=out.field,
            mend="download it and give the file",
            limit=out.max_bytes,
        )
