"""Allocation 配置: capacity of any resource, asked for, granted, held, used, given back."""

from quanyu.operations.allocation.capacities import (
    Sick,
    capacities,
    capacity,
    change_capacity,
    offer_capacity,
    slots,
    use_sick,
)
from quanyu.operations.allocation.claiming import NoCapacity
from quanyu.operations.allocation.forgetting import forget_allocations_of
from quanyu.operations.allocation.grid import zoned_instant
from quanyu.operations.allocation.model import (
    CLAIMING,
    Allocation,
    AllocationChanged,
    AllocationMove,
    AllocationPage,
    AllocationState,
    Capacity,
    CapacityDraft,
    Slot,
)
from quanyu.operations.allocation.moving import (
    ALLOCATION_STEPS,
    AllocationStep,
    lapse_allocations,
    move_allocation,
    moves_for,
)
from quanyu.operations.allocation.reading import allocation as an_allocation
from quanyu.operations.allocation.reading import allocations
from quanyu.operations.allocation.requesting import request_allocation

__all__ = [
    "ALLOCATION_STEPS",
    "CLAIMING",
    "Allocation",
    "AllocationChanged",
    "AllocationMove",
    "AllocationPage",
    "AllocationState",
    "AllocationStep",
    "Capacity",
    "CapacityDraft",
    "NoCapacity",
    "Sick",
    "Slot",
    "allocations",
    "an_allocation",
    "capacities",
    "capacity",
    "change_capacity",
    "forget_allocations_of",
    "lapse_allocations",
    "move_allocation",
    "moves_for",
    "offer_capacity",
    "request_allocation",
    "slots",
    "use_sick",
    "zoned_instant",
]
