"""What the portal's tests look at pages with; the city of the map is its own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
sys.path.insert(0, str(Path(__file__).parents[1] / "portal"))

from portal_fixtures import browser, opened

__all__ = ["browser", "opened"]
