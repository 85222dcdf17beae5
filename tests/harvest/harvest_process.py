"""Harvest a source in a process that a test kills: ``python harvest_process.py FOLDER SOURCE``."""

import sys
from pathlib import Path

from quanyu.catalogue import harvest_once
from quanyu.kernel import ControlStore, Settings

folder = Path(sys.argv[1])
control = ControlStore(f"sqlite:///{folder / 'control.sqlite'}")
harvest_once(control, Settings(dir=folder, allow_private_urls=True), sys.argv[2])
