"""quanyu 全域: the common digital base of a city."""

__version__ = "0.1.0"
