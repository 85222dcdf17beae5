"""Work orders 工单: tasks that somebody owes by a deadline."""

from quanyu.operations.work_orders.documents import (
    figures_document,
    order_document,
    orders_csv,
    whole_order_document,
)
from quanyu.operations.work_orders.figures import FiguresBy, work_order_figures
from quanyu.operations.work_orders.forgetting import forget_orders_of
from quanyu.operations.work_orders.model import (
    OrderMove,
    OrderPage,
    OrderPlace,
    OrderStep,
    Photo,
    Priority,
    Source,
    SourceKind,
    WorkOrder,
    WorkOrderChanged,
    WorkOrderDone,
    WorkOrderDraft,
    WorkOrderFigures,
    WorkOrderState,
)
from quanyu.operations.work_orders.moving import (
    appoint_member,
    close_work_order,
    move_work_order,
    reopen_work_order,
)
from quanyu.operations.work_orders.of_corrections import open_for_correction
from quanyu.operations.work_orders.opening import checked_place, open_work_order, plain_title
from quanyu.operations.work_orders.overdue import escalate_work_orders
from quanyu.operations.work_orders.photos import Picture, photo_bytes, photos_of, redraw
from quanyu.operations.work_orders.reading import (
    OrderFilter,
    all_work_orders,
    ended_orders,
    list_work_orders,
    newest_step,
    orders_by_state,
    work_order,
    work_order_steps,
)
from quanyu.operations.work_orders.recording import move_name
from quanyu.operations.work_orders.service_levels import (
    Category,
    category_of,
    service_levels,
    use_service_levels,
)
from quanyu.operations.work_orders.texts import one_line
from quanyu.operations.work_orders.transitions import (
    OVER,
    OWED,
    TRANSITIONS,
    Transition,
    dispatches,
    leads,
    moves_of,
)

__all__ = [
    "OVER",
    "OWED",
    "TRANSITIONS",
    "Category",
    "FiguresBy",
    "OrderFilter",
    "OrderMove",
    "OrderPage",
    "OrderPlace",
    "OrderStep",
    "Photo",
    "Picture",
    "Priority",
    "Source",
    "SourceKind",
    "Transition",
    "WorkOrder",
    "WorkOrderChanged",
    "WorkOrderDone",
    "WorkOrderDraft",
    "WorkOrderFigures",
    "WorkOrderState",
    "all_work_orders",
    "appoint_member",
    "category_of",
    "checked_place",
    "close_work_order",
    "dispatches",
    "ended_orders",
    "escalate_work_orders",
    "figures_document",
    "forget_orders_of",
    "leads",
    "list_work_orders",
    "move_name",
    "move_work_order",
    "moves_of",
    "newest_step",
    "one_line",
    "open_for_correction",
    "open_work_order",
    "order_document",
    "orders_by_state",
    "orders_csv",
    "photo_bytes",
    "photos_of",
    "plain_title",
    "redraw",
    "reopen_work_order",
    "service_levels",
    "use_service_levels",
    "whole_order_document",
    "work_order",
    "work_order_figures",
    "work_order_steps",
]
