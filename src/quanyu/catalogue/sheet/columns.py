"""The columns of the sheet: the fields of the published government data catalogue, in its order.

The last two are this node's own: without them a licence and an address could not come back.
"""

from dataclasses import dataclass
from enum import StrEnum

from quanyu.kernel import LocalText


class Column(StrEnum):
    """Keys of the columns."""

    CATEGORY = "category"
    TITLE = "title"
    CODE = "code"
    PROVIDER = "provider"
    PROVIDER_CODE = "provider_code"
    ABSTRACT = "abstract"
    FORMATS = "formats"
    ITEM = "item"
    ITEM_TYPE = "item_type"
    SHARING = "sharing"
    CONDITION = "condition"
    METHOD = "method"
    OPEN = "open"
    OPEN_CONDITION = "open_condition"
    CYCLE = "cycle"
    ISSUED = "issued"
    RELATED = "related"
    LICENCE = "licence"
    SLUG = "slug"


@dataclass(frozen=True, slots=True)
class Said:
    """A column's heading, the other headings it is known by, its width in characters, its values
    where they are of a list."""

    name: LocalText
    also: tuple[str, ...] = ()
    width: int = 16
    values: tuple[str, ...] = ()


SHARING = {
    "open": "无条件共享",
    "shared": "无条件共享",
    "restricted": "有条件共享",
    "closed": "不予共享",
}
YES, NO = "是", "否"
_SHARED = ("无条件共享", "有条件共享", "不予共享")

COLUMNS: dict[Column, Said] = {
    Column.CATEGORY: Said(
        LocalText(zh="信息资源分类", en="Category"), ("目录分类", "分类", "资源分类"), 18
    ),
    Column.TITLE: Said(
        LocalText(zh="信息资源名称", en="Name"), ("资源名称", "名称", "数据资源名称"), 28
    ),
    Column.CODE: Said(LocalText(zh="信息资源代码", en="Code"), ("资源代码", "代码"), 28),
    Column.PROVIDER: Said(
        LocalText(zh="信息资源提供方", en="Provider"), ("提供方", "资源提供方", "提供单位"), 20
    ),
    Column.PROVIDER_CODE: Said(
        LocalText(zh="信息资源提供方代码", en="Provider code"),
        ("提供方代码", "提供方内部代码"),
        22,
    ),
    Column.ABSTRACT: Said(
        LocalText(zh="信息资源摘要", en="Abstract"), ("资源摘要", "摘要"), 40
    ),
    Column.FORMATS: Said(
        LocalText(zh="信息资源格式", en="Format"), ("资源格式", "格式", "信息资源格式类型"), 14
    ),
    Column.ITEM: Said(LocalText(zh="信息项名称", en="Item"), ("信息项", "数据项"), 18),
    Column.ITEM_TYPE: Said(LocalText(zh="数据类型", en="Data type"), ("信息项类型", "类型"), 10),
    Column.SHARING: Said(LocalText(zh="共享类型", en="Sharing"), ("共享属性",), 12, _SHARED),
    Column.CONDITION: Said(LocalText(zh="共享条件", en="Condition of sharing"), (), 24),
    Column.METHOD: Said(
        LocalText(zh="共享方式", en="Way of sharing"), ("共享方式类型", "共享方式分类"), 14
    ),
    Column.OPEN: Said(
        LocalText(zh="是否向社会开放", en="Open to the public"),
        ("开放属性", "是否开放", "开放类型"),
        10,
        (YES, NO),
    ),
    Column.OPEN_CONDITION: Said(LocalText(zh="开放条件", en="Condition of opening"), (), 24),
    Column.CYCLE: Said(
        LocalText(zh="更新周期", en="Update cycle"),
        (),
        10,
        ("实时", "每日", "每周", "每月", "每季度", "每半年", "每年", "不定期", "历史"),
    ),
    Column.ISSUED: Said(LocalText(zh="发布日期", en="Issued"), (), 12),
    Column.RELATED: Said(
        LocalText(zh="关联资源代码", en="Related codes"), ("关联代码", "关联类目名称"), 20
    ),
    Column.LICENCE: Said(LocalText(zh="许可协议", en="Licence"), ("许可",), 14),
    Column.SLUG: Said(LocalText(zh="资源标识", en="Name in addresses"), ("标识",), 20),
}  # fmt: skip

ITEM_COLUMNS = frozenset({Column.ITEM, Column.ITEM_TYPE})
"""Those of an item; the others are the resource's."""


def column_of(heading: str) -> Column | None:
    """The column that a heading names: its Chinese, English or both, or one it is known by."""
    lines = [part.strip() for part in heading.replace("\r", "").replace("（", "(").split("\n")]
    names = {heading.strip(), *lines, *(line.partition("(")[0].strip() for line in lines)}
    for column, said in COLUMNS.items():
        if names & {said.name.zh, said.name.en, column.value, *said.also}:
            return column
    return None
