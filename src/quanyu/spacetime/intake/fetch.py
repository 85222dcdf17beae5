"""Sources behind URLs, kept out of private networks and within a size."""

import hashlib
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpx

from quanyu.kernel import Invalid, Refused, TooLarge, Unavailable
from quanyu.spacetime.intake.model import IngestOptions

_REDIRECTS = 5
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A downloaded source; ``url`` is without credentials."""

    path: Path
    url: str


def fetched(url: str, options: IngestOptions, folder: Path) -> Fetched:
    """Download ``url`` into ``folder``.

    Each address on the way (redirects too) is resolved once, checked, and the connection made to
    exactly that address, so that a name cannot change its mind between check and use. Raises
    ``Refused`` (rule ``fetch.private``), ``TooLarge``, ``Unavailable``, ``Invalid``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client:
        here = url
        for _ in range(_REDIRECTS + 1):
            request = _request(client, here, options)
            try:
                response = client.send(request, stream=True)
                try:
                    if response.is_redirect:
                        here = urljoin(here, response.headers["location"])
                        continue
                    return Fetched(_saved(response, here, options, folder), _shown(url))
                finally:
                    response.close()
            except httpx.HTTPError as error:
                raise Unavailable(
                    "{url} could not be fetched: {why}",
                    url=_shown(here),
                    why=type(error).__name__,
                    field="source",
                    mend="try again, or download it and give the file",
                ) from error
    raise Invalid("the URL redirects too often", field="source", mend="give the final URL")


def _request(client: httpx.Client, url: str, options: IngestOptions) -> httpx.Request:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Invalid(
            "the URL is not one of http or https", field="source", mend="give an http(s) URL"
        )
    address = _address(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80),
                       allow_private=options.allow_private)  # fmt: skip
    host = f"[{address}]" if ":" in address else address
    port = f":{parts.port}" if parts.port else ""
    pinned = urlunsplit((parts.scheme, host + port, parts.path or "/", parts.query, ""))
    name = parts.hostname if ":" not in parts.hostname else f"[{parts.hostname}]"
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    request = client.build_request(
        "GET",
        pinned,
        headers={"host": name + port, "accept-encoding": "identity"},
        extensions={"sni_hostname": parts.hostname},
    )
    if auth:
        request = next(httpx.BasicAuth(*auth).sync_auth_flow(request))
    return request


def _address(host: str, port: int, *, allow_private: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(
            "there is no host {host}", host=host, field="source", mend="check the URL"
        ) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private:
        for address in addresses:
            if not _public(address):
                raise Refused(
                    "{host} is in a private network",
                    rule="fetch.private",
                    field="source",
                    mend="set QUANYU_ALLOW_PRIVATE_URLS if this node may read from there",
                    host=host,
                )
    return addresses[0]


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (inner is None or _public(str(inner)))


def _saved(response: httpx.Response, url: str, options: IngestOptions, folder: Path) -> Path:
    if response.status_code != 200:
        raise Unavailable(
            "{url} answered {status}",
            url=_shown(url),
            status=response.status_code,
            field="source",
            mend="check the URL",
        )
    name = Path(unquote(urlsplit(url).path)).name or "download"
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    target = folder / f"fetched-{key}" / name[-100:]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    taken = 0
    with partial.open("wb") as file:
        for block in response.iter_bytes(1 << 20):
            taken += len(block)
            if taken > options.max_bytes:
                file.close()
                partial.unlink()
                raise TooLarge(
                    "the source is larger than {limit} bytes",
                    field="source",
                    mend="download it and give the file",
                    limit=options.max_bytes,
                )
            file.write(block)
    partial.rename(target)
    return target


def _shown(url: str) -> str:
    """``url`` without user, password and query: those may be secrets."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, (parts.hostname or "") + port, parts.path, "", ""))
