# ruff: noqa: E501 - tables of words read better in one line
"""How sensitive a field is, from its name and a sample of its values, with the evidence for it.

Rules follow the personal information of GB/T 35273 (Annex A and B) and the classes of GB/T 43697.
They propose; a person decides. No value leaves this module: reasons say shares, never what was
seen.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from quanyu.catalogue.codes import Sensitivity
from quanyu.catalogue.harvest.reasons import because
from quanyu.parties import credit_code_valid

_ENOUGH = 0.6
"""The share of a sample that must look like something before it is taken for that."""

_FEWEST = 3
_ORDER = (
    Sensitivity.PUBLIC,
    Sensitivity.INTERNAL,
    Sensitivity.PERSONAL,
    Sensitivity.SENSITIVE,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """What is proposed for a field, and why: message ids with parameters (``detail``,
    ``params``), the weightiest first. ``person`` marks what tells one person from others."""

    sensitivity: Sensitivity
    why: tuple[Mapping[str, object], ...] = ()
    person: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """A rule: what field names it goes by, what values, and how sensitive that is.

    With ``both`` a name alone proves nothing, and neither do values.
    """

    key: str
    sensitivity: Sensitivity
    what: str
    names: str = ""
    value: Callable[[str], bool] | None = None
    both: bool = False
    person: bool = True


def judge_field(name: str, values: Sequence[object], meaning: str = "") -> Judged:
    """What the name (and meaning, if there is one) and values of a field suggest."""
    texts = [text for value in values if (text := str(value).strip()) and value is not None]
    called = f"{_spaced(name)} {meaning}".lower()
    found: list[tuple[Sign, Mapping[str, object]]] = []
    for sign in SIGNS:
        named = bool(sign.names) and re.search(sign.names, called) is not None
        share = _share(sign, texts)
        looks = share >= _ENOUGH
        if (named and looks) if sign.both else (looks or (named and sign.value is None)):
            found.append((sign, _reason(sign, share, len(texts), looks=looks)))
        elif named and sign.value is not None and not texts:
            found.append((sign, _reason(sign, 0.0, 0, looks=False)))
    if not found:
        return Judged(Sensitivity.PUBLIC)
    found.sort(key=lambda one: -_ORDER.index(one[0].sensitivity))
    return Judged(
        found[0][0].sensitivity,
        tuple(reason for _, reason in found),
        any(sign.person for sign, _ in found),
    )


def judge_fields(
    fields: Sequence[tuple[str, str, Sequence[object]]], *, located: bool = False
) -> list[Judged]:
    """:func:`judge_field` for ``(name, meaning, values)`` together: exact coordinates beside what
    tells a person are where that person is. ``located`` says that rows have a geometry."""
    judged = [judge_field(name, values, meaning) for name, meaning, values in fields]
    if not any(one.person for one in judged):
        return judged
    told = []
    for (name, _, values), one in zip(fields, judged, strict=True):
        exact = _coordinate(name) and _decimals(values) >= 4
        if exact:
            reason = because(
                "coordinates to within {metres} m beside fields that tell one person from others",
                metres=11 if _decimals(values) == 4 else 1,
            )
            told.append(Judged(Sensitivity.SENSITIVE, (reason, *one.why), person=True))
        else:
            told.append(one)
    if located:
        reason = because("the rows have places on the map beside this field")
        told = [
            Judged(one.sensitivity, (*one.why, reason), one.person) if one.person else one
            for one in told
        ]
    return told


def identity_number(text: str) -> bool:
    """Whether ``text`` is a citizen's identity number (GB 11643) with the right check character."""
    if not re.fullmatch(r"[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])[0-3]\d\d{3}[\dXx]", text):
        return False
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    rest = sum(int(c) * w for c, w in zip(text, weights, strict=False)) % 11
    return "10X98765432"[rest] == text[-1].upper()


def bank_card(text: str) -> bool:
    """Whether ``text`` is a payment card's number: 16 to 19 digits, a known issuer, Luhn's check."""
    digits = re.sub(r"[ -]", "", text)
    if not re.fullmatch(r"(?:62|4|5[1-5]|3[47]|35|6[05])\d{13,17}", digits):
        return False
    if not 15 <= len(digits) <= 19:
        return False
    doubled = [int(c) * (2 - i % 2) if i % 2 == 0 else int(c) for i, c in enumerate(digits[-2::-1])]
    total = sum(d - 9 if d > 9 else d for d in doubled) + int(digits[-1])
    return total % 10 == 0


def _mobile(text: str) -> bool:
    return re.fullmatch(r"(?:\+?86[- ]?)?1[3-9]\d{9}", text) is not None


def _email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]{1,64}@[\w-]+(?:\.[\w-]+)+", text) is not None


def _plate(text: str) -> bool:
    return (
        re.fullmatch(
            r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]"
            r"[A-HJ-NP-Z][·• ]?[A-HJ-NP-Z0-9]{4,5}[A-HJ-NP-Z0-9挂学警港澳]",
            text,
        )
        is not None
    )


_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁"
    "任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫"
    "孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申耿关兰焦俞左柳甘祝包宁符阮纪梅童凌毕单季裴"
)
_PLACES = frozenset("市区县镇乡村路街巷站店园局院校厂司部处中心")


def _person_name(text: str) -> bool:
    """A Chinese name: a surname and one or two more characters, none that ends a place's name."""
    if not re.fullmatch(r"[\u4e00-\u9fff]{2,4}", text) or text[-1] in _PLACES:
        return False
    return text[0] in _SURNAMES and len(text) <= 3


def _household(text: str) -> bool:
    """An address down to a flat."""
    return (
        re.search(r"(?:\d|[一二三四五六七八九十])\s*(?:室|户|单元|号楼\d+)|#\d{3,4}", text)
        is not None
    )


def _network(text: str) -> bool:
    octets = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", text)
    if octets:
        return all(int(part) < 256 for part in octets.groups())
    return re.fullmatch(r"(?i)(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}", text) is not None


def _imei(text: str) -> bool:
    return re.fullmatch(r"\d{15}", text) is not None


def _passport(text: str) -> bool:
    return re.fullmatch(r"[EGPSDKM][A-Z]?\d{7,8}", text) is not None


def _birth(text: str) -> bool:
    return re.match(r"(?:19|20)\d{2}[-/年.]?(?:0?[1-9]|1[0-2])", text) is not None


_S, _P, _I = Sensitivity.SENSITIVE, Sensitivity.PERSONAL, Sensitivity.INTERNAL

SIGNS: tuple[Sign, ...] = (
    Sign("identity", _S, "identity numbers", r"身份证|公民身份|证件号|id ?card|identity n", identity_number),
    Sign("card", _S, "numbers of bank cards", r"银行卡|卡号|bank ?card|card n", bank_card),
    Sign("passport", _S, "numbers of passports", r"护照|通行证|passport", _passport, both=True),
    Sign("secret", _S, "passwords or keys", r"密码|口令|password|passwd|\bpwd\b|secret|api ?key"),
    Sign("biometric", _S, "biometric features", r"指纹|人脸|虹膜|声纹|掌纹|基因|biometric|fingerprint|face ?id"),
    Sign("health", _S, "health of persons", r"诊断|病历|病史|病情|疾病|用药|血型|过敏|残疾|diagnos|patient|disease"),
    Sign("belief", _S, "beliefs of persons", r"宗教|信仰|religio"),
    Sign("money", _S, "income or accounts of persons", r"工资|收入(?!.*(?:总|合计))|存款|银行账|账户余额|salary|income"),
    Sign("track", _S, "where persons have been", r"行踪|轨迹|住宿记录|trajector|whereabouts"),
    Sign("mobile", _P, "mobile phone numbers", r"手机|移动电话|mobile|cell ?phone", _mobile),
    Sign("email", _P, "e-mail addresses", r"邮箱|e-?mail", _email),
    Sign("plate", _P, "number plates", r"车牌|号牌|plate", _plate),
    Sign("name", _P, "names of persons",
         r"姓名|户主|联系人|法人代表|法定代表|负责人|业主|person|owner|contact|\bfull ?name", _person_name, both=True),
    Sign("names", _P, "names of persons", r"姓名|户主姓名|业主姓名"),
    Sign("birth", _P, "dates of birth", r"出生|生日|birth|\bdob\b", _birth, both=True),
    Sign("home", _P, "addresses of households", r"住址|家庭|户籍|门牌|地址|address|home", _household, both=True),
    Sign("flats", _P, "addresses of households", r"家庭住址|户籍地址|home address"),
    Sign("nation", _P, "sex or ethnicity of persons", r"民族|性别|籍贯|婚姻|\bsex\b|gender|ethnic", person=False),
    Sign("network", _P, "addresses of devices", r"ip地址|\bip\b|\bmac\b", _network),
    Sign("device", _P, "numbers of devices", r"imei|设备识别", _imei, both=True),
    Sign("account", _I, "names of accounts", r"账号|用户名|登录名|\blogin|user ?name|open ?id"),
    Sign("inner", _I, "remarks of officials", r"备注|批示|内部|经办|remark|internal", person=False),
)  # fmt: skip
"""Every rule, in the order in which they are tried."""


def _share(sign: Sign, texts: Sequence[str]) -> float:
    if sign.value is None or len(texts) < _FEWEST:
        return 0.0
    organisations = sign.key == "identity" and sum(map(credit_code_valid, texts)) > len(texts) / 2
    return 0.0 if organisations else sum(map(sign.value, texts)) / len(texts)


def _reason(sign: Sign, share: float, count: int, *, looks: bool) -> Mapping[str, object]:
    if looks:
        said = because(
            "{share}% of {count} values looked at are {what}",
            share=round(share * 100),
            count=count,
            what=sign.what,
        )
    else:
        said = because("its name says {what}", what=sign.what)
    return {**said, "rule": sign.key}


def _spaced(name: str) -> str:
    """``idCard_no`` as words."""
    return re.sub(r"[_\W]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))


def _coordinate(name: str) -> bool:
    return (
        re.search(r"(?i)^(?:lon|lng|lat|x|y|longitude|latitude)$|经度|纬度|坐标", name) is not None
    )


def _decimals(values: Sequence[object]) -> int:
    """Decimals that most values have."""
    counts = sorted(
        len(str(value).partition(".")[2].rstrip("0")) for value in values if value is not None
    )
    return counts[len(counts) // 2] if counts else 0
