"""Content codings (RFC 9110 8.4.1), only where they pay: texts and tiles of some size, level 1.

At level 1 zstd takes about 0.1 ms for the 50 KB of a page of features, gzip some five times that.
"""

import zlib

import pyarrow as pa
from starlette.requests import Request

from quanyu.web.negotiate import coding, qualities

_LEAST = 1400  # bytes: less than that fits one packet anyhow
_DENSE = frozenset(
    {
        "application/vnd.apache.parquet",
        "application/flatgeobuf",
        "application/vnd.apache.arrow.stream",
        "application/vnd.laszip",
        "application/zip",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
)
_ZSTD = pa.Codec("zstd", compression_level=1)
_GZIP_WBITS = 31


def pays(media_type: str) -> bool:
    """Whether bytes of that type become much smaller."""
    return media_type.partition(";")[0] not in _DENSE


def coding_of(request: Request, media_type: str) -> str | None:
    """The coding to answer this request in; ``None`` leaves the bytes as they are."""
    accepted = request.headers.get("accept-encoding")
    return coding(accepted) if accepted and pays(media_type) else None


def gzip_accepted(request: Request, media_type: str) -> bool:
    """Whether a stream of that type may go out in gzip."""
    weights = dict(qualities(request.headers.get("accept-encoding", "")))
    return pays(media_type) and weights.get("gzip", 0.0) > 0


def compressed(request: Request, body: bytes, media_type: str) -> tuple[bytes, str | None]:
    """The body and its coding; as it is when it is small or nothing is accepted."""
    if len(body) < _LEAST:
        return body, None
    chosen = coding_of(request, media_type)
    if chosen == "zstd":
        return _ZSTD.compress(body, asbytes=True), chosen
    if chosen == "gzip":
        return zlib.compress(body, 1, _GZIP_WBITS), chosen
    return body, None
