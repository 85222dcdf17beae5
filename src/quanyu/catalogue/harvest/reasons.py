"""Reasons as they are kept with a run: message ids and what fills them, so that each reader is told
in their language."""

from typing import Any

from quanyu.kernel import QuanyuError


def because(detail: str, **params: object) -> dict[str, Any]:
    """A reason of our own; ``detail`` is a message id."""
    said = {name: _said(value) for name, value in params.items()}
    return {"detail": detail, "mend": None, "field": None, "params": said}


def reason_of(error: QuanyuError) -> dict[str, Any]:
    """An error as a reason."""
    params = {name: _said(value) for name, value in error.params.items()}
    return {"detail": error.detail, "mend": error.mend, "field": error.field, "params": params}


def printable(text: str) -> str:
    """``text`` of one line with blanks for what cannot be printed or kept."""
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _said(value: object) -> str | int:
    return value if isinstance(value, int) else printable(str(value))[:500]
