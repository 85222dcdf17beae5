"""A value of an enumeration, as somebody chose it in a form or an address."""

from enum import StrEnum
from typing import TypeVar

from quanyu.kernel import Invalid

Choice = TypeVar("Choice", bound=StrEnum)


def one_of(kind: type[Choice], text: str, field: str) -> Choice:
    """The value of an enumeration; raises :class:`Invalid` with the choices."""
    try:
        return kind(text)
    except ValueError as error:
        raise Invalid(
            "“{value}” is not one of the values",
            field=field,
            mend="choose among: {limit}",
            value=text[:80],
            limit=", ".join(kind),
        ) from error
