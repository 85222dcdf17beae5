"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

Dir = Annotated[Path, typer.Option("--dir", "-d", help="Folder that holds the node.")]
Json = Annotated[bool, typer.Option("--json", help="JSON for scripts.")]

HOME = Path("city")
