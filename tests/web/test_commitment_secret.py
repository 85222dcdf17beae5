"""The node's secret of commitments: all who ask first at the same moment have the same one."""

import threading
from pathlib import Path

from quanyu.web import commitments


def test_threads_that_ask_first_at_once_have_one_secret(tmp_path: Path) -> None:
    made = commitments._secret.__wrapped__  # as each would before any has answered
    for number in range(60):
        folder, found = tmp_path / str(number), list[bytes]()
        start = threading.Barrier(6)

        def ask(folder: Path = folder, found: list[bytes] = found) -> None:
            start.wait()  # noqa: B023 - all are over before the next
            found.append(made(folder))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(found) == 6
        assert len(set(found)) == 1
        assert [one.name for one in (folder / "keys").iterdir()] == ["commitments"]
