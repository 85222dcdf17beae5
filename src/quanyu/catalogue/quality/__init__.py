"""How good and how fresh each entry is: scores with their reasons, ages against promises."""

from quanyu.catalogue.quality.care import (
    Care,
    ProviderCare,
    care_of,
    freshness_of,
    note_data,
    note_edit,
    note_sizes,
    overdue_resources,
    put_care,
    quality_by_provider,
    quality_of,
    score_unscored,
    unprofiled,
)
from quanyu.catalogue.quality.freshness import Freshness, FreshnessState, freshness
from quanyu.catalogue.quality.links import check_links
from quanyu.catalogue.quality.metadata import (
    INDICATORS,
    MOST,
    Dimension,
    Finding,
    Indicator,
    MetadataQuality,
    Rating,
    metadata_quality,
    rating_of,
)
from quanyu.catalogue.quality.profiling import guarded_fields, profile_new_data

__all__ = [
    "INDICATORS",
    "MOST",
    "Care",
    "Dimension",
    "Finding",
    "Freshness",
    "FreshnessState",
    "Indicator",
    "MetadataQuality",
    "ProviderCare",
    "Rating",
    "care_of",
    "check_links",
    "freshness",
    "freshness_of",
    "guarded_fields",
    "metadata_quality",
    "note_data",
    "note_edit",
    "note_sizes",
    "overdue_resources",
    "profile_new_data",
    "put_care",
    "quality_by_provider",
    "quality_of",
    "rating_of",
    "score_unscored",
    "unprofiled",
]
