"""The published identifier of a resource: ``area(6)+org / type(1)+serial(6)+check(2)``.

It follows the published form of NDI-TR-2025-06, such as ``110101ORG001/D000001X9``. Which check
that form uses is not published; here it is ISO/IEC 7064 MOD 1271-36 over everything before it.
"""

import re

from quanyu.kernel import Invalid

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MODULUS, _RADIX = 1271, 36
_SHAPE = re.compile(r"([0-9]{6})([0-9A-Z]{1,18})/([DFASP])([0-9]{6})([0-9A-Z]{2})")


def check_characters(text: str) -> str:
    """The two check characters of ``text`` (digits and capitals), ISO/IEC 7064 MOD 1271-36."""
    rest = 0
    for character in text:
        rest = (rest + ALPHABET.index(character)) * _RADIX % _MODULUS
    high, low = divmod((1 - rest * _RADIX) % _MODULUS, _RADIX)
    return ALPHABET[high] + ALPHABET[low]


def make_identifier(area: str, org: str, letter: str, serial: int) -> str:
    """The identifier of the ``serial``-th resource of that type of that organisation.

    Raises :class:`Invalid` when a part does not fit the form.
    """
    body = f"{area}{org}/{letter}{serial:06d}"
    identifier = body + check_characters(body.replace("/", ""))
    if not _SHAPE.fullmatch(identifier):
        raise Invalid(
            "“{identifier}” is not in the form of a resource identifier",
            field="code",
            mend="give the area six digits, the organisation digits and capitals, the serial six",
            identifier=identifier,
        )
    return identifier


def identifier_valid(text: str) -> bool:
    """Whether ``text`` has the form and the right check characters."""
    match = _SHAPE.fullmatch(text)
    return match is not None and check_characters(text[:-2].replace("/", "")) == match[5]
