"""Money is whole 分 (1/100 yuan): the one rounding rule, and splits that lose and make nothing."""

from collections.abc import Sequence
from fractions import Fraction

from quanyu.kernel import Invalid

MOST = 10**15
"""The largest amount in 分: ten trillion yuan, far inside of 64 bits however many are added."""


def rounded(exact: Fraction) -> int:
    """The whole 分 nearest to an exact amount that is not negative; a half goes up.

    An amount is rounded once, where a line is priced, and nowhere else.
    """
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def split(pool: int, weights: Sequence[int | Fraction]) -> list[int]:
    """``pool`` 分 in proportion to ``weights``, by largest remainder (Hamilton's method).

    The parts sum to the pool exactly; each is its exact share, rounded down or up. Equal remainders
    go to the earlier. Where all weights are zero the parts are as equal as they can be. Raises
    :class:`Invalid` for no weights, or one that is negative.
    """
    if not weights or min(weights) < 0 or pool < 0:
        raise Invalid(
            "a pool is split by weights that are not negative",
            field="weights",
            mend="give each holder a weight of zero or more",
        )
    given = weights if any(weights) else [1] * len(weights)
    exact = [Fraction(weight) for weight in given]
    total = sum(exact)
    shares = [pool * weight / total for weight in exact]
    parts = [share.numerator // share.denominator for share in shares]
    order = sorted(range(len(parts)), key=lambda at: (parts[at] - shares[at], at))
    for at in order[: pool - sum(parts)]:
        parts[at] += 1
    return parts


def yuan(amount: int) -> str:
    """An amount in 分 as yuan: ``1234`` → ``12.34``; negative ones keep their sign."""
    whole, rest = divmod(abs(amount), 100)
    return f"{'-' if amount < 0 else ''}{whole:,}.{rest:02d}"


def from_yuan(text: str, field: str) -> int:
    """``12.34`` → ``1234``; raises :class:`Invalid` on ``field`` for anything else."""
    whole, point, rest = text.strip().partition(".")
    right = whole.isascii() and whole.isdecimal() and len(whole) <= 13
    if not right or (point and not (rest.isascii() and rest.isdecimal() and len(rest) <= 2)):
        raise Invalid(
            "“{text}” is no amount",
            field=field,
            mend="give yuan with at most two decimals, such as 12.34",
            text=text[:40],
        )
    return int(whole) * 100 + int((rest or "0").ljust(2, "0"))
