"""Another town like that of the portal's tests, which these look at in a real browser alone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))
sys.path.insert(0, str(Path(__file__).parents[1] / "portal"))

from portal_fixtures import browser, city, opened, receipt

__all__ = ["browser", "city", "opened", "receipt"]
