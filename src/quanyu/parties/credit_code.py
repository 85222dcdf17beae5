"""The unified social credit code 统一社会信用代码 (GB 32100-2015): 18 characters, MOD 31 check."""

import re

from quanyu.kernel import Invalid

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of GB 32100: digits and capitals without I, O, S, V, Z."""

_SHAPE = re.compile(rf"[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{10}}")
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


def credit_code_check(body: str) -> str:
    """The check character of the first 17 characters (GB 32100-2015, 4.6)."""
    total = sum(_VALUES[c] * w for c, w in zip(body, _WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def credit_code_valid(text: str) -> bool:
    """Whether ``text`` is a credit code, in capitals or small letters, blanks around it ignored."""
    code = text.strip().upper()
    return bool(_SHAPE.fullmatch(code)) and credit_code_check(code[:17]) == code[17]


def check_credit_code(text: str) -> str:
    """The code in its normal form: capitals, no blanks around it.

    Raises :class:`Invalid` on ``credit_code`` when its form or its check character is wrong.
    """
    code = text.strip().upper()
    if not _SHAPE.fullmatch(code):
        raise Invalid(
            "“{code}” is not in the form of a unified social credit code",
            field="credit_code",
            mend="give 18 characters without I, O, S, V, Z; the 3rd to 8th are the area’s digits",
            code=code[:40],
        )
    if credit_code_check(code[:17]) != code[17]:
        raise Invalid(
            "the check character of “{code}” does not fit (GB 32100)",
            field="credit_code",
            mend="compare the code with the certificate: one character is probably mistyped",
            code=code,
        )
    return code
