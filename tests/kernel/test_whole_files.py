"""Files take the place of others whole, or not at all."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quanyu.kernel import whole_file


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "told.json"
    path.write_text("old")
    with whole_file(path) as unfinished:
        unfinished.write_text("ne")
        assert path.read_text() == "old"
        unfinished.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_stays_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "told.json"
    path.write_text("old")
    with pytest.raises(OSError, match="full"), whole_file(path) as unfinished:
        unfinished.write_text("ne")
        raise OSError("full")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_else_can_read_a_secret_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with whole_file(path, 0o600) as unfinished:
        assert unfinished.stat().st_mode & 0o777 == 0o600
        unfinished.write_text("secret")
    assert path.stat().st_mode & 0o777 == 0o600


def test_many_that_write_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "told"

    def write(number: int) -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text(f"{number}" * 20_000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, [*range(10)] * 5))
    text = path.read_text()
    assert text == text[0] * 20_000
    assert list(tmp_path.iterdir()) == [path]
