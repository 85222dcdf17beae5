"""Assets: the inventory of what a city keeps: tree, life, maintenance, energy and cost."""

from quanyu.operations.assets.accounting import enter, entries_of, sums_below
from quanyu.operations.assets.documents import (
    asset_document,
    entry_document,
    plan_document,
    sums_document,
)
from quanyu.operations.assets.files import asset_draft, read_assets
from quanyu.operations.assets.inventory import (
    AssetFilter,
    ancestors,
    asset,
    asset_counts,
    assets_called,
    check_reads_assets,
    inventories,
    let_read_assets,
    list_assets,
    readers_of,
)
from quanyu.operations.assets.keeping import (
    change_asset,
    import_assets,
    register_asset,
    run_hours,
)
from quanyu.operations.assets.maintaining import (
    end_plan,
    open_due_maintenance,
    plan_maintenance,
    plans_of,
    settle_maintenance,
)
from quanyu.operations.assets.model import (
    ENTRY_UNITS,
    LIFE_CYCLE,
    Asset,
    AssetDraft,
    AssetPage,
    AssetState,
    Entry,
    EntryKind,
    Imported,
    Plan,
)
from quanyu.operations.assets.schemas import AssetTemplate, asset_templates

__all__ = [
    "ENTRY_UNITS",
    "LIFE_CYCLE",
    "Asset",
    "AssetDraft",
    "AssetFilter",
    "AssetPage",
    "AssetState",
    "AssetTemplate",
    "Entry",
    "EntryKind",
    "Imported",
    "Plan",
    "ancestors",
    "asset",
    "asset_counts",
    "asset_document",
    "asset_draft",
    "asset_templates",
    "assets_called",
    "change_asset",
    "check_reads_assets",
    "end_plan",
    "enter",
    "entries_of",
    "entry_document",
    "import_assets",
    "inventories",
    "let_read_assets",
    "list_assets",
    "open_due_maintenance",
    "plan_document",
    "plan_maintenance",
    "plans_of",
    "read_assets",
    "readers_of",
    "register_asset",
    "run_hours",
    "settle_maintenance",
    "sums_below",
    "sums_document",
]
