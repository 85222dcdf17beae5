"""Classifying and grading: rules judge descriptions and data, reviewers confirm."""

from quanyu.catalogue.classifying.confirming import confirm_grading
from quanyu.catalogue.classifying.judging import judge
from quanyu.catalogue.classifying.proposing import (
    propose_by_data,
    propose_grading,
    propose_missing,
)

__all__ = ["confirm_grading", "judge", "propose_by_data", "propose_grading", "propose_missing"]
