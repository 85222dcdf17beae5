"""Seeded names by which the public compatibility kit (dsp-tck) drives a connector under test.

For each name, what this node does by itself: in which state, which move, one after another. Only
where the setting ``tck`` is on; nothing of this touches the catalogue or an agreement.
"""

from types import MappingProxyType
from typing import TypeAlias

from quanyu.federation.model import Here, Move, State

_R, _O, _A, _V = State.REQUESTED, State.OFFERED, State.AGREED, State.VERIFIED
_S, _H = State.STARTED, State.SUSPENDED
_Script: TypeAlias = tuple[tuple[State, Move], ...]

_OFFER: _Script = ((_R, Move.OFFER),)
_AGREE: _Script = ((_R, Move.AGREE),)
_START: _Script = ((_R, Move.START),)
_ACCEPT: _Script = ((_O, Move.ACCEPT),)
_VERIFY: _Script = ((_A, Move.VERIFY),)

SCRIPTS: MappingProxyType[str, _Script] = MappingProxyType(
    {
        # Negotiations in which this node provides.
        "ACN0101": _OFFER,
        "ACN0102": (*_OFFER, (_R, Move.TERMINATE)),
        "ACN0103": (*_OFFER, (State.ACCEPTED, Move.AGREE), (_V, Move.FINALIZE)),
        "ACN0104": (*_AGREE, (_V, Move.FINALIZE)),
        "ACN0201": ((_R, Move.TERMINATE),),
        "ACN0202": (),
        "ACN0203": _AGREE,
        "ACN0204": _OFFER,
        "ACN0205": (*_OFFER, (_O, Move.TERMINATE)),
        "ACN0206": (*_OFFER, (State.ACCEPTED, Move.TERMINATE)),
        "ACN0207": (*_AGREE, (_V, Move.TERMINATE)),
        "ACN0301": (*_AGREE, (_V, Move.FINALIZE)),
        "ACN0302": _OFFER,
        "ACN0303": _OFFER,
        "ACN0304": _OFFER,
        # Negotiations in which it consumes.
        "ACNC0101": (*_ACCEPT, *_VERIFY),
        "ACNC0102": ((_O, Move.REQUEST),),
        "ACNC0103": ((_O, Move.TERMINATE),),
        "ACNC0104": _VERIFY,
        "ACNC0201": (),
        "ACNC0202": ((_R, Move.TERMINATE),),
        "ACNC0203": ((_A, Move.TERMINATE),),
        "ACNC0204": (),
        "ACNC0205": _ACCEPT,
        "ACNC0206": _VERIFY,
        "ACNC0301": (),
        "ACNC0302": (),
        "ACNC0303": (),
        "ACNC0304": _ACCEPT,
        "ACNC0305": _ACCEPT,
        "ACNC0306": _ACCEPT,
        # Transfers in which it provides.
        "ATP0101": (*_START, (_S, Move.TERMINATE)),
        "ATP0102": (*_START, (_S, Move.COMPLETE)),
        "ATP0103": (*_START, (_S, Move.SUSPEND), (_H, Move.TERMINATE)),
        "ATP0104": (*_START, (_S, Move.SUSPEND), (_H, Move.START), (_S, Move.COMPLETE)),
        "ATP0105": ((_R, Move.TERMINATE),),
        "ATP0201": _START,
        "ATP0202": _START,
        "ATP0203": _START,
        "ATP0204": _START,
        "ATP0205": (),
        "ATP0301": (),
        "ATP0302": (),
        "ATP0303": _START,
        "ATP0304": _START,
        "ATP0305": _START,
        "ATP0306": _START,
        # Transfers in which it consumes.
        "ATPC0101": (),
        "ATPC0102": (),
        "ATPC0103": (),
        "ATPC0104": (),
        "ATPC0105": (),
        "ATPC0201": ((_S, Move.TERMINATE),),
        "ATPC0202": ((_S, Move.COMPLETE),),
        "ATPC0203": ((_S, Move.SUSPEND), (_H, Move.TERMINATE)),
        "ATPC0204": ((_S, Move.SUSPEND), (_H, Move.START), (_S, Move.COMPLETE)),
        "ATPC0205": ((_R, Move.TERMINATE),),
        "ATPC0301": (),
        "ATPC0302": (),
        "ATPC0303": (),
        "ATPC0304": (),
        "ATPC0305": (),
        "ATPC0306": (),
    }
)
DATASETS = ("CAT0101", "CAT0102")
"""Seeded datasets of the catalogue; the third that the kit asks for shall be unknown."""
TERMS = {"permission": [{"action": "use"}]}


def scripted_move(name: str, state: State, done: int) -> Move | None:
    """What the seeded name has this node do next, ``done`` moves having been made."""
    script = SCRIPTS.get(name, ())
    if done < len(script) and script[done][0] is state:
        return script[done][1]
    return None


def seeded(here: Here, name: str | None) -> bool:
    """Whether a dataset or agreement is one of the kit's names, and this node plays with it."""
    return here.scripted and name in SCRIPTS
