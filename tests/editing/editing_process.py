"""A process that edits two features together again and again until it is killed."""

import sys
from itertools import count
from pathlib import Path

from quanyu.kernel import ControlStore
from quanyu.spacetime import OPEN, Action, Do, Editor, EditRequest, Store, edit


def main() -> None:
    url, folder, start = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    store = Store(ControlStore(url), str(folder / "tables"), folder / "cache")
    for number in count(start):
        patch = {"properties": {"floors": number}}
        actions = tuple(Action(Do.UPDATE, fid, patch) for fid in ("f1", "f2"))
        edit(store, [EditRequest("posts", actions, OPEN)], Editor("member_killed"))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


main()
