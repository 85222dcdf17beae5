"""The town of the web's tests, whose pages are read, and looked at in a real browser."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
sys.path.insert(0, str(Path(__file__).parents[1] / "portal"))

from portal_fixtures import browser, city, opened, reader, receipt, signed_in

__all__ = ["browser", "city", "opened", "reader", "receipt", "signed_in"]
