"""Every code table of the catalogue, in one place: names in both languages and published codes.

Codes follow the published form of NDI-TR-2025-06 where ``code`` is given; of the update cycles only
the first and the last were seen in print, those between are in the order usual there.
"""

from dataclasses import dataclass
from enum import StrEnum

from quanyu.kernel import LocalText


class Kind(StrEnum):
    """What is catalogued."""

    DATASET = "dataset"
    STREAM = "stream"
    SCENE = "scene"
    MODEL = "model"
    ALGORITHM = "algorithm"
    SERVICE = "service"
    FACILITY = "facility"
    COMPUTE = "compute"
    AIRSPACE = "airspace"


HELD_KINDS = frozenset({Kind.DATASET, Kind.SCENE})
"""Kinds whose data the space-time store may hold."""


class Access(StrEnum):
    """Who may come to it: anyone, any department, by agreement, nobody outside."""

    OPEN = "open"
    SHARED = "shared"
    RESTRICTED = "restricted"
    CLOSED = "closed"


class Grade(StrEnum):
    """Grade of the data (GB/T 43697-2024)."""

    CORE = "core"
    IMPORTANT = "important"
    GENERAL = "general"


class State(StrEnum):
    """Where a resource stands in its life."""

    DRAFT = "draft"
    REGISTERED = "registered"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class UpdateCycle(StrEnum):
    """How often the provider promises to bring it up to date."""

    REAL_TIME = "real-time"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half-yearly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"
    HISTORICAL = "historical"


class Source(StrEnum):
    """Where the data came from."""

    ORIGINAL = "original"
    COLLECTED = "collected"
    TRANSACTION = "transaction"
    OTHER = "other"


class Sensitivity(StrEnum):
    """What harm a field's values could do to a person or an organisation."""

    PUBLIC = "public"
    INTERNAL = "internal"
    PERSONAL = "personal"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of a code table: its names, and its published code where there is one."""

    name: LocalText
    code: str = ""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence that the node knows by its SPDX identifier."""

    name: LocalText
    url: str = ""
    open: bool = True


def _code(zh: str, en: str, code: str = "") -> Code:
    return Code(LocalText(zh=zh, en=en), code)


KINDS: dict[Kind, Code] = {
    Kind.DATASET: _code("数据集", "Dataset", "D"),
    Kind.STREAM: _code("数据流", "Stream", "A"),
    Kind.SCENE: _code("三维场景", "Scene", "F"),
    Kind.MODEL: _code("模型", "Model", "F"),
    Kind.ALGORITHM: _code("算法", "Algorithm", "F"),
    Kind.SERVICE: _code("服务", "Service", "S"),
    Kind.FACILITY: _code("设施", "Facility", "S"),
    Kind.COMPUTE: _code("算力", "Compute", "S"),
    Kind.AIRSPACE: _code("空域", "Airspace", "S"),
}
"""``code`` is the type letter in the identifier: D structured, F file, A API, S service."""

ACCESSES: dict[Access, Code] = {
    Access.OPEN: _code("无条件开放", "Open to all"),
    Access.SHARED: _code("无条件共享", "Shared among departments"),
    Access.RESTRICTED: _code("有条件共享", "By agreement"),
    Access.CLOSED: _code("不予共享", "Not shared"),
}

GRADES: dict[Grade, Code] = {
    Grade.CORE: _code("核心数据", "Core data"),
    Grade.IMPORTANT: _code("重要数据", "Important data"),
    Grade.GENERAL: _code("一般数据", "General data"),
}

SECURITY_GRADES: dict[str, Grade] = {
    "L1": Grade.GENERAL,
    "L2": Grade.GENERAL,
    "L3": Grade.GENERAL,
    "L4": Grade.GENERAL,
    "L5": Grade.IMPORTANT,
}
"""From the five security levels of other catalogues to GB/T 43697; core data comes from none."""

GRADE_ACCESS: dict[Grade, frozenset[Access]] = {
    Grade.CORE: frozenset({Access.CLOSED}),
    Grade.IMPORTANT: frozenset({Access.RESTRICTED, Access.CLOSED}),
    Grade.GENERAL: frozenset(Access),
}
"""What access each grade allows: core data never leaves the node."""

STATES: dict[State, Code] = {
    State.DRAFT: _code("草稿", "Draft"),
    State.REGISTERED: _code("已登记", "Registered"),
    State.PUBLISHED: _code("已发布", "Published"),
    State.WITHDRAWN: _code("已撤回", "Withdrawn"),
}

UPDATE_CYCLES: dict[UpdateCycle, Code] = {
    UpdateCycle.REAL_TIME: _code("实时", "Real-time", "001"),
    UpdateCycle.DAILY: _code("每日", "Daily", "002"),
    UpdateCycle.WEEKLY: _code("每周", "Weekly", "003"),
    UpdateCycle.MONTHLY: _code("每月", "Monthly", "004"),
    UpdateCycle.QUARTERLY: _code("每季度", "Quarterly", "005"),
    UpdateCycle.HALF_YEARLY: _code("每半年", "Half-yearly", "006"),
    UpdateCycle.YEARLY: _code("每年", "Yearly", "007"),
    UpdateCycle.IRREGULAR: _code("不定期", "Irregular", "008"),
    UpdateCycle.HISTORICAL: _code("历史", "Historical", "009"),
}

SOURCES: dict[Source, Code] = {
    Source.ORIGINAL: _code("原始取得", "Original", "001"),
    Source.COLLECTED: _code("收集取得", "Collected", "002"),
    Source.TRANSACTION: _code("交易取得", "Transaction", "003"),
    Source.OTHER: _code("其他", "Other", "004"),
}

SENSITIVITIES: dict[Sensitivity, Code] = {
    Sensitivity.PUBLIC: _code("公开", "Public"),
    Sensitivity.INTERNAL: _code("内部", "Internal"),
    Sensitivity.PERSONAL: _code("个人信息", "Personal"),
    Sensitivity.SENSITIVE: _code("敏感个人信息", "Sensitive personal"),
}

THEMES: dict[str, Code] = {
    "credit": _code("信用服务", "Credit services"),
    "health": _code("医疗卫生", "Health"),
    "employment": _code("社保就业", "Employment and insurance"),
    "public-safety": _code("公共安全", "Public safety"),
    "housing": _code("城建住房", "Construction and housing"),
    "transport": _code("交通运输", "Transport"),
    "education": _code("教育文化", "Education and culture"),
    "science": _code("科技创新", "Science and innovation"),
    "energy": _code("资源能源", "Resources and energy"),
    "environment": _code("生态环境", "Environment"),
    "industry": _code("工业农业", "Industry and agriculture"),
    "commerce": _code("商贸流通", "Commerce"),
    "finance": _code("财税金融", "Finance and taxes"),
    "work-safety": _code("安全生产", "Safety at work"),
    "market": _code("市场监管", "Market supervision"),
    "welfare": _code("社会救助", "Social welfare"),
    "law": _code("法律服务", "Legal services"),
    "life": _code("生活服务", "Everyday services"),
    "weather": _code("气象服务", "Weather"),
    "geography": _code("地理空间", "Geography"),
    "institutions": _code("机构团体", "Institutions"),
}
"""The fields of open public information in the national pilot of 2018, under short English keys."""

BY_AGREEMENT = "by-agreement"

LICENCES: dict[str, Licence] = {
    "CC0-1.0": Licence(
        LocalText(zh="CC0 1.0 放弃权利", en="CC0 1.0 Public Domain Dedication"),
        "https://creativecommons.org/publicdomain/zero/1.0/",
    ),
    "CC-BY-4.0": Licence(
        LocalText(zh="知识共享 署名 4.0", en="Creative Commons Attribution 4.0"),
        "https://creativecommons.org/licenses/by/4.0/",
    ),
    "CC-BY-SA-4.0": Licence(
        LocalText(zh="知识共享 署名-相同方式共享 4.0", en="Creative Commons BY-SA 4.0"),
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
    "CC-BY-NC-4.0": Licence(
        LocalText(zh="知识共享 署名-非商业性使用 4.0", en="Creative Commons BY-NC 4.0"),
        "https://creativecommons.org/licenses/by-nc/4.0/",
    ),
    "ODbL-1.0": Licence(
        LocalText(zh="开放数据库许可 1.0", en="Open Database Licence 1.0"),
        "https://opendatacommons.org/licenses/odbl/1-0/",
    ),
    "ODC-By-1.0": Licence(
        LocalText(zh="开放数据共用 署名 1.0", en="Open Data Commons Attribution 1.0"),
        "https://opendatacommons.org/licenses/by/1-0/",
    ),
    "PDDL-1.0": Licence(
        LocalText(zh="开放数据共用 公有领域 1.0", en="Public Domain Dedication and Licence 1.0"),
        "https://opendatacommons.org/licenses/pddl/1-0/",
    ),
    "MIT": Licence(LocalText(zh="MIT 许可", en="MIT Licence"), "https://spdx.org/licenses/MIT"),
    "Apache-2.0": Licence(
        LocalText(zh="Apache 许可 2.0", en="Apache Licence 2.0"),
        "https://www.apache.org/licenses/LICENSE-2.0",
    ),
    BY_AGREEMENT: Licence(LocalText(zh="依合约使用", en="Under an agreement"), open=False),
}
