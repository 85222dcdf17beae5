"""Observations as JSON text by whole columns: the same as their documents, with no loop over rows.

Only for what the server named itself: where a client gave ids, documents are made one by one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from quanyu.streams.entities import OBSERVATION
from quanyu.streams.flags_seen import qualities
from quanyu.streams.rendering import Shown, moment_texts
from quanyu.streams.visibility import Sight

if TYPE_CHECKING:
    import pyarrow as pa

Text = bytes | memoryview
_OPTIONAL = frozenset({"resultQuality", "validTime", "parameters"})


def plain_ids(table: "pa.Table") -> bool:
    """Whether no client gave any of the observations an id."""
    import pyarrow.compute as pc

    return not pc.any(pc.not_equal(table["key"], "")).as_py()


def objects_text(sight: Sight, table: "pa.Table", show: Shown, *, ids: bool) -> Text | None:
    """JSON objects of the rows, joined by commas; ``None`` where they cannot be written so."""
    if not table.num_rows or (ids and not plain_ids(table)):
        return b"" if not table.num_rows else None
    kind = sight.kind(OBSERVATION)
    names = _names(table) if ids else None
    members = members_text(sight, table, show, names)
    optional = {one for one in members if one in _OPTIONAL and not show.select}
    if not members or next(iter(members)) in optional:
        return None
    parts: list[Any] = []
    for name, texts in members.items():
        before = f'{"," if parts else "{"}"{name}":'
        if texts.null_count == len(texts):
            parts += [] if name in optional else [f"{before}null"]
        else:
            parts += [_left_out(texts, before)] if name in optional else [before, _or_null(texts)]
    if names is not None:
        link = f"{_inside(show.base)}/{kind.set}('"
        if not show.select or show.wants("@iot.selfLink"):
            parts += [f',"@iot.selfLink":"{link}', names, "')\""]
        for name in kind.navigations:
            if show.wants(name):
                parts += [f',"{name}@iot.navigationLink":"{link}', names, f"')/{name}\""]
    return _joined(_beside([*parts, "},"]))


def arrays_text(sight: Sight, table: "pa.Table", show: Shown, *, ids: bool) -> "Arrays | None":
    """JSON arrays of the rows, for data arrays; ``None`` where they cannot be written so."""
    if ids and not plain_ids(table):
        return None
    members = members_text(sight, table, show, _names(table) if ids else None)
    if not members:
        return None
    parts: list[Any] = []
    for texts in members.values():
        parts += ["," if parts else "[", _or_null(texts)]
    components = [name.removeprefix("@iot.") for name in members]
    return Arrays(components, _beside([*parts, "],"]))


class Arrays:
    """Rows of a data array: the names of their components, and their texts with a comma each."""

    def __init__(self, components: Sequence[str], texts: "pa.Array") -> None:
        self.components = components
        self._texts = texts

    def some(self, places: Any) -> Text:
        """Rows at some places, joined by commas; all where ``None``."""
        import pyarrow as pa

        return _joined(self._texts if places is None else self._texts.take(pa.array(places)))


def members_text(
    sight: Sight, table: "pa.Table", show: Shown, names: "pa.Array | None"
) -> dict[str, "pa.Array"]:
    """The members of observations as JSON texts, null where there is nothing."""
    kind = sight.kind(OBSERVATION)
    found: dict[str, pa.Array] = {}
    if names is not None and show.id:
        found["@iot.id"] = _beside(['"', names, '"'])
    makers = {
        "phenomenonTime": lambda: _periods(table, "start", "end"),
        "result": lambda: _results(table, sight.scope.result_step),
        "resultTime": lambda: _quoted_moments(table, "result_time"),
        "resultQuality": lambda: _written(table["quality"], partial(qualities, sight.scope)),
        "validTime": lambda: _periods(table, "valid_start", "valid_end"),
        "parameters": table["parameters"].combine_chunks,
    }
    for name, make in makers.items():
        if name in kind.properties and show.wants(name):
            found[name] = make()
    return found


def _names(table: "pa.Table") -> "pa.Array":
    """Ids of observations, which their datastream and time are."""
    import pyarrow as pa

    numbers = table["datastream"].to_numpy()
    starts = table["start"].combine_chunks().view(pa.int64()).cast(pa.string())
    if len(numbers) and np.all(numbers == numbers[0]):
        return _beside([f"{numbers[0]}~", starts, "~"])
    datastreams = table["datastream"].combine_chunks().cast(pa.string())
    return _beside([datastreams, "~", starts, "~"])


def _results(table: "pa.Table", step: float | None) -> "pa.Array":
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = table["number"].combine_chunks()
    if step is not None:
        values: Any = np.round(numbers.to_numpy(zero_copy_only=False) / step) * step
        numbers = pa.array(values, from_pandas=True)
    texts = numbers.cast(pa.string())
    if step is not None or texts.null_count == 0:
        return texts
    others = (_written(table["text"], list), table["json"].combine_chunks())
    return pc.coalesce(texts, *others)


def _periods(table: "pa.Table", first: str, last: str) -> "pa.Array":
    import pyarrow.compute as pc

    starts = moment_texts(table, first)
    if starts.null_count == len(starts):
        return starts
    if table[last].null_count == table.num_rows:
        return _beside(['"', starts, 'Z"'])
    both = _beside([starts, "Z/", moment_texts(table, last)])
    return _beside(['"', pc.coalesce(both, starts), 'Z"'])


def _quoted_moments(table: "pa.Table", name: str) -> "pa.Array":
    texts = moment_texts(table, name)
    return texts if texts.null_count == len(texts) else _beside(['"', texts, 'Z"'])


def _written(
    column: "pa.ChunkedArray", values: Callable[[Sequence[str | None]], list[Any]]
) -> "pa.Array":
    """What ``values`` makes of texts, as JSON, each distinct one once."""
    import pyarrow as pa

    whole = column.combine_chunks()
    if whole.null_count == len(whole):
        return whole
    coded = whole.dictionary_encode()
    made = values(coded.dictionary.to_pylist())
    texts = [None if one is None else orjson.dumps(one).decode() for one in made]
    return pa.array(texts, pa.string()).take(coded.indices)


def _beside(parts: Sequence[Any]) -> "pa.Array":
    """Texts of each row one behind the other; null where one of them is."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(*parts, "")


def _or_null(texts: "pa.Array") -> "pa.Array":
    import pyarrow.compute as pc

    return pc.fill_null(texts, "null") if texts.null_count else texts


def _left_out(texts: "pa.Array", before: str) -> "pa.Array":
    import pyarrow.compute as pc

    return pc.fill_null(_beside([before, texts]), "")


def _joined(texts: "pa.Array") -> Text:
    """Texts that were just made, each with a comma behind, as one without the last comma: they lie
    one behind the other already, and are not copied."""
    if not len(texts):
        return b""
    _, ends, data = texts.buffers()
    end = int(np.frombuffer(ends, np.int32)[len(texts)])
    return memoryview(data)[: end - 1]


def _inside(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]
