"""Errors that carry what a caller needs: a status, a stable type, the field, the mend and the rule.

``detail`` is a message id: it is translated first, then filled with ``params``, so that the same
error speaks Chinese and English (RFC 9457 over HTTP, one line on the command line).
"""

from typing import ClassVar


class QuanyuError(Exception):
    """Root of every error that a caller may see. ``type`` is the last part of the problem's URI."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        field: str | None = None,
        mend: str | None = None,
        rule: str | None = None,
        **params: object,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.params = params
        self.field = field
        self.mend = mend
        self.rule = rule

    def __str__(self) -> str:
        text = fill(self.detail, self.params)
        if self.field:
            text = f"{self.field}: {text}"
        return f"{text} ({fill(self.mend, self.params)})" if self.mend else text


def fill(template: str, params: dict[str, object]) -> str:
    """``template`` with its ``{names}`` filled; a text without parameters keeps its braces."""
    return template.format(**params) if params else template


class Invalid(QuanyuError):
    """The request is wrong; ``field`` says where and ``mend`` how to put it right."""

    status, type, title = 400, "invalid", "Invalid request"


class Unauthenticated(QuanyuError):
    """Nobody is signed in, or the credential is unknown, expired or revoked."""

    status, type, title = 401, "unauthenticated", "Sign-in needed"


class Refused(QuanyuError):
    """The gate or a role says no; ``rule`` is the id of the rule that refused."""

    status, type, title = 403, "refused", "Refused"


class NotFound(QuanyuError):
    """There is no such thing, or the caller may not know of it."""

    status, type, title = 404, "not-found", "Not found"


class NotAcceptable(QuanyuError):
    """None of the representations asked for can be given."""

    status, type, title = 406, "not-acceptable", "Not acceptable"


class Conflict(QuanyuError):
    """The thing has changed or exists with another content."""

    status, type, title = 409, "conflict", "Conflict"


class PreconditionFailed(QuanyuError):
    """The thing is not any more as the caller saw it."""

    status, type, title = 412, "precondition-failed", "Precondition failed"


class PreconditionRequired(QuanyuError):
    """The caller has to say which state of the thing it means."""

    status, type, title = 428, "precondition-required", "Precondition required"


class UnsupportedMedia(QuanyuError):
    """The body is of a media type that is not read here."""

    status, type, title = 415, "unsupported-media", "Unsupported media type"


class TooLarge(QuanyuError):
    """The body or the answer passes a limit of this node."""

    status, type, title = 413, "too-large", "Too large"


class TooMany(QuanyuError):
    """A rate or a quota is used up; ``retry_after`` seconds when waiting helps."""

    status, type, title = 429, "too-many", "Too many requests"

    def __init__(self, detail: str, *, retry_after: int | None = None, **rest: object) -> None:
        super().__init__(detail, **rest)  # type: ignore[arg-type]
        self.retry_after = retry_after


class Unavailable(QuanyuError):
    """Something this node depends on does not answer now."""

    status, type, title = 503, "unavailable", "Unavailable"
