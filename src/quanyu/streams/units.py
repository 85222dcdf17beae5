"""Units of measurement as UCUM codes (Unified Code for Units of Measure)."""

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from quanyu.kernel import Invalid

if TYPE_CHECKING:
    from lark import Lark

PREFIX = "ucum:"
_LONGEST = 100


def check_unit(definition: str, where: str) -> None:
    """Raise ``Invalid`` (field ``where``) for what begins with ``ucum:`` and is no code of UCUM.

    Other definitions are addresses of other vocabularies, which are not looked at.
    """
    if not definition.startswith(PREFIX):
        return
    problem = _problem(definition.removeprefix(PREFIX))
    if problem is not None:
        raise Invalid(
            "“{code}” is no unit of UCUM: {why}",
            field=where,
            mend="write its case-sensitive code, such as ug/m3, Cel, hPa",
            code=definition.removeprefix(PREFIX)[:_LONGEST],
            why=problem,
        )


@lru_cache(maxsize=4096)
def _problem(code: str) -> str | None:
    from lark.exceptions import LarkError

    if not 0 < len(code) <= _LONGEST:
        return "it is empty or too long"
    try:
        _parser().parse(code)
    except LarkError as error:
        return str(error).splitlines()[0][:160]
    return None


@cache
def _parser() -> "Lark":
    from ucumvert import get_ucum_parser

    parser: Lark = get_ucum_parser()
    return parser
