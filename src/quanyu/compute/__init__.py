"""Compute 计算: algorithms with declared inputs and outputs, and jobs that run them."""

from quanyu.compute.model import (
    ANY_SHAPE,
    Algorithm,
    Features,
    Given,
    Grid,
    Holds,
    Input,
    Job,
    Made,
    Output,
    Problem,
    ProcessDescription,
    Progress,
    Reference,
    Shape,
    Source,
    State,
)
from quanyu.compute.processes import PROCESSES, process_named

__all__ = [
    "ANY_SHAPE",
    "PROCESSES",
    "Algorithm",
    "Features",
    "Given",
    "Grid",
    "Holds",
    "Input",
    "Job",
    "Made",
    "Output",
    "Problem",
    "ProcessDescription",
    "Progress",
    "Reference",
    "Shape",
    "Source",
    "State",
    "process_named",
]
