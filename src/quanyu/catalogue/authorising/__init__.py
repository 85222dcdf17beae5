"""Authorising operators: drafted by who has the right, filed by the node, accepted, ended."""

from quanyu.catalogue.authorising.making import (
    amend_operation,
    begin_operation,
    check_operates,
    draft_operation,
    end_operation,
    file_operation,
    may_operate,
    resume_operation,
    suspend_operation,
)

__all__ = [
    "amend_operation",
    "begin_operation",
    "check_operates",
    "draft_operation",
    "end_operation",
    "file_operation",
    "may_operate",
    "resume_operation",
    "suspend_operation",
]
