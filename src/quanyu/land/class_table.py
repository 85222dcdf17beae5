"""The one code table of land classes, levels 1 and 2, with Chinese and English names.

``gbt21010-2017`` is GB/T 21010-2017 土地利用现状分类, complete: 12 classes of level 1, 73 of level
2. ``guide-2023`` are the classes of the guide 国土空间调查、规划、用途管制用地用海分类指南 (2023),
gathered from public secondary texts and not compared with the official one: 24 of level 1, 111 of
level 2, none of level 3. English names are translations of this program, as neither text has any.
"""

import csv
from functools import cache
from importlib.resources import files

from quanyu.kernel import Invalid, LocalText
from quanyu.land.model import LandClass, Scheme

SCHEMES: dict[Scheme, LocalText] = {
    Scheme.GBT21010: LocalText(
        zh="GB/T 21010-2017 土地利用现状分类", en="GB/T 21010-2017 land use classes"
    ),
    Scheme.GUIDE2023: LocalText(
        zh="用地用海分类指南（2023，据公开二手资料整理）",
        en="Land and sea use classification guide (2023, from public secondary texts)",
    ),
}


@cache
def classes(scheme: Scheme) -> dict[str, LandClass]:
    """The classes of a scheme by their codes, in order."""
    text = (files("quanyu.land") / "classes.csv").read_text("utf-8")
    return {
        row["code"]: LandClass(scheme, row["code"], LocalText(zh=row["zh"], en=row["en"]))
        for row in csv.DictReader(text.splitlines())
        if row["scheme"] == scheme
    }


def land_class(code: str, scheme: Scheme, field: str = "use") -> LandClass:
    """The class with that code; raises :class:`Invalid` on ``field`` for one that is not there."""
    found = classes(scheme).get(code.strip())
    if found is None:
        raise Invalid(
            "“{code}” is no class of {scheme}",
            field=field,
            mend="take a code of two or four digits from /land/classes",
            code=code[:40],
            scheme=scheme.value,
        )
    return found


def scheme_of(text: str, field: str = "scheme") -> Scheme:
    """The scheme of that name; raises :class:`Invalid`."""
    try:
        return Scheme(text)
    except ValueError as error:
        raise Invalid(
            "there is no code table “{scheme}”",
            field=field,
            mend="use one of {schemes}",
            scheme=text[:40],
            schemes=", ".join(Scheme),
        ) from error
