"""Series in a Delta table: rows of many series over time, appended and replaced in batches."""

from quanyu.spacetime.series.model import AGGREGATES, SeriesQuery
from quanyu.spacetime.series.reading import SeriesReader
from quanyu.spacetime.series.table import Batch, SeriesTable

__all__ = ["AGGREGATES", "Batch", "SeriesQuery", "SeriesReader", "SeriesTable"]
