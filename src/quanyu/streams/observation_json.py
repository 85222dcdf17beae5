"""Observations as JSON text by whole columns: the same as their documents, with no loop over rows.

Only for what the server named itself: where a client gave ids, documents are made one by one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
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
Parts = list[Any]
"""What stands one behind the other in each row: texts that are the same in all rows, and arrays of
texts. One array alone may be null in places."""
_OPTIONAL = frozenset({"resultQuality", "validTime", "parameters"})


def plain_ids(table: "pa.Table") -> bool:
    """Whether no client gave any of the observations an id: all keys together are no text."""
    return not any(_size_of(one) for one in table["key"].chunks)


def _size_of(texts: "pa.Array") -> int:
    """How many bytes texts are together."""
    if not len(texts):
        return 0
    ends = np.frombuffer(texts.buffers()[1], np.int32)
    return int(ends[texts.offset + len(texts)] - ends[texts.offset])


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
    parts: Parts = []
    for name, texts in members.items():
        before = f'{"," if parts else "{"}"{name}":'
        if name in optional:
            parts += [] if _nothing(texts) else [_left_out(texts, before)]
        else:
            parts += [before, *_or_null(texts)]
    if names is not None:
        link = f"{_inside(show.base)}/{kind.set}('"
        if not show.select or show.wants("@iot.selfLink"):
            parts += [f',"@iot.selfLink":"{link}', *names, "')\""]
        for name in kind.navigations:
            if show.wants(name):
                parts += [f',"{name}@iot.navigationLink":"{link}', *names, f"')/{name}\""]
    return _joined(_rows_of([*parts, "},"], table.num_rows))


def arrays_text(sight: Sight, table: "pa.Table", show: Shown, *, ids: bool) -> "Arrays | None":
    """JSON arrays of the rows, for data arrays; ``None`` where they cannot be written so."""
    if ids and not plain_ids(table):
        return None
    members = members_text(sight, table, show, _names(table) if ids else None)
    if not members:
        return None
    parts: Parts = []
    for texts in members.values():
        parts += ["," if parts else "[", *_or_null(texts)]
    components = [name.removeprefix("@iot.") for name in members]
    return Arrays(components, _rows_of([*parts, "],"], table.num_rows))


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
    sight: Sight, table: "pa.Table", show: Shown, names: Parts | None
) -> dict[str, Parts]:
    """The members of observations as JSON texts, null where there is nothing."""
    kind = sight.kind(OBSERVATION)
    found: dict[str, Parts] = {}
    if names is not None and show.id:
        found["@iot.id"] = ['"', *names, '"']
    makers: dict[str, Callable[[], Parts]] = {
        "phenomenonTime": lambda: _periods(table, "start", "end"),
        "result": lambda: [_results(table, sight.scope.result_step)],
        "resultTime": lambda: _quoted_moments(table, "result_time"),
        "resultQuality": lambda: [_written(table["quality"], partial(qualities, sight.scope))],
        "validTime": lambda: _periods(table, "valid_start", "valid_end"),
        "parameters": lambda: [table["parameters"].combine_chunks()],
    }
    for name, make in makers.items():
        if name in kind.properties and show.wants(name):
            found[name] = make()
    return found


def _names(table: "pa.Table") -> Parts:
    """Ids of observations, which their datastream and time are."""
    import pyarrow as pa

    numbers = table["datastream"].to_numpy()
    starts = table["start"].combine_chunks().view(pa.int64()).cast(pa.string())
    if len(numbers) and np.all(numbers == numbers[0]):
        return [f"{numbers[0]}~", starts, "~"]
    datastreams = table["datastream"].combine_chunks().cast(pa.string())
    return [_beside([datastreams, "~", starts, "~"])]


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


def _periods(table: "pa.Table", first: str, last: str) -> Parts:
    import pyarrow.compute as pc

    starts = moment_texts(table, first)
    if starts.null_count == len(starts) or table[last].null_count == table.num_rows:
        return _quoted(starts)
    both = _beside([starts, "Z/", moment_texts(table, last)])
    return _quoted(pc.coalesce(both, starts))


def _quoted_moments(table: "pa.Table", name: str) -> Parts:
    return _quoted(moment_texts(table, name))


def _quoted(moments: "pa.Array") -> Parts:
    """Moments in quotes; null as a whole where there is none."""
    if not moments.null_count:
        return ['"', moments, 'Z"']
    return [moments if moments.null_count == len(moments) else _beside(['"', moments, 'Z"'])]


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


def _rows_of(parts: Parts, rows: int) -> "pa.Array":
    """:func:`_beside`, also where all rows are alike."""
    import pyarrow as pa

    alike = all(isinstance(part, str) for part in parts)
    return pa.repeat("".join(parts), rows) if alike else _beside(parts)


def _beside(parts: Parts) -> "pa.Array":
    """Texts of each row one behind the other; null where one of them is."""
    import pyarrow.compute as pc

    whole: Parts = []
    for same, group in groupby(parts, key=lambda part: isinstance(part, str)):
        beside = list(group)
        whole += ["".join(beside)] if same else beside
    return pc.binary_join_element_wise(*whole, "")


def _nothing(texts: Parts) -> bool:
    """Whether a member is null in all rows."""
    return len(texts) == 1 and texts[0].null_count == len(texts[0])


def _or_null(texts: Parts) -> Parts:
    import pyarrow.compute as pc

    if _nothing(texts):
        return ["null"]
    return [pc.fill_null(texts[0], "null")] if len(texts) == 1 and texts[0].null_count else texts


def _left_out(texts: Parts, before: str) -> "pa.Array":
    import pyarrow.compute as pc

    return pc.fill_null(_beside([before, *texts]), "")


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
