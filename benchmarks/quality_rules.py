"""Quality rules: ten of them over many rows, quanyu's one pass beside pandera on polars.

    python benchmarks/quality_rules.py [--quick]

The same seeded rows: quanyu reads its serving copy, pandera a data frame in memory. Both must find
the same number of rows that break each rule.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandera.polars as pandera
import polars as pl
import pyarrow as pa
import pyarrow.csv

import report
from quanyu.app import open_store
from quanyu.kernel import Settings, create_control
from quanyu.operations import read_quality_rules
from quanyu.spacetime import IngestOptions, Store, ingest

ROUNDS = 3
RULES = """
rules:
- {name: code-present, kind: present, columns: code}
- {name: code-form, kind: pattern, columns: code, pattern: 'C-[0-9]{7}'}
- {name: code-unique, kind: unique, columns: code}
- {name: levels-range, kind: range, columns: levels, least: 1, most: 60}
- {name: area-range, kind: range, columns: area, least: 0, most: 5000}
- {name: area-present, kind: present, columns: area}
- {name: use-codes, kind: codes, columns: use, values: [home, shop, school, office]}
- {name: built-range, kind: range, columns: built, least: 1900, most: 2026}
- {name: order, kind: condition, condition: built <= changed}
- {name: district-codes, kind: codes, columns: district, values: [a, b, c, d, e, f, g, h]}
"""


def main() -> None:
    """Make the rows, check them both ways in turn, print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    count = 100_000 if parser.parse_args().quick else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = made(count)
        store = brought_in(folder, rows)
        frame = pl.DataFrame(rows)
        ways: dict[str, Callable[[], dict[str, int]]] = {
            "quanyu": lambda: ours(store),
            "pandera on polars": lambda: peer(frame),
        }
        took: dict[str, list[tuple[float, float]]] = {one: [] for one in ways}
        answers = {}
        for _ in range(ROUNDS):
            for one, way in ways.items():
                wall, busy = time.perf_counter(), time.process_time()
                answers[one] = way()
                took[one].append((time.perf_counter() - wall, time.process_time() - busy))
        store.close()
    assert answers["quanyu"] == answers["pandera on polars"], answers
    best = {one: min(each) for one, each in took.items()}
    table = [
        [one, wall, busy, f"{wall / best['quanyu'][0]:.2f}×", f"{busy / best['quanyu'][1]:.2f}×"]
        for one, (wall, busy) in best.items()
    ]
    columns = ["checks by", "wall s", "CPU s", "wall / quanyu", "CPU / quanyu"]
    report.table(f"ten quality rules over {count:,} rows", columns, table)
    report.keep("quality_rules", {"rows": count, "took": took, "broken": answers["quanyu"]})


def made(count: int) -> pa.Table:
    """Seeded rows, some of which break each rule."""
    dice = np.random.default_rng(7)
    number = np.arange(count)
    number[dice.integers(0, count, count // 500)] = 0
    uses = np.array(["home", "shop", "school", "office", "castle"])
    built = dice.integers(1895, 2027, count)
    return pa.table(
        {
            "code": [f"C-{n:07d}" if n % 1000 else f"X{n}" for n in number.tolist()],
            "levels": dice.integers(1, 62, count),
            "area": pa.array(dice.uniform(0, 5010, count), mask=dice.random(count) < 0.001),
            "use": uses[dice.choice(5, count, p=[0.4, 0.3, 0.2, 0.099, 0.001])],
            "built": built,
            "changed": built + dice.integers(-1, 30, count),
            "district": np.array(list("abcdefghi"))[dice.integers(0, 9, count)],
        }
    )


def brought_in(folder: Path, rows: pa.Table) -> Store:
    """The rows as a dataset, its serving copy built."""
    settings = Settings(dir=folder)
    control = create_control(settings)
    store = open_store(settings, control)
    source = folder / "rows.csv"
    pyarrow.csv.write_csv(rows, source)
    ingest(store, str(source), "rows", IngestOptions())
    store.view("rows").prepare()
    return store


def ours(store: Store) -> dict[str, int]:
    """All rules in the store."""
    rules = read_quality_rules(RULES)
    found = store.view("rows").check([rule.check for rule in rules], store.view)
    return {rule.name: one.failing for rule, one in zip(rules, found, strict=True)}


def peer(frame: pl.DataFrame) -> dict[str, int]:
    """The same as a schema, validated lazily so that all of its failures are told."""
    column, check = pandera.Column, pandera.Check
    schema = pandera.DataFrameSchema(
        {
            "code": column(str, [check.str_matches(r"^C-[0-9]{7}$", name="code-form")]),
            "levels": column(int, check.in_range(1, 60, name="levels-range")),
            "area": column(float, check.in_range(0, 5000, name="area-range")),
            "use": column(str, check.isin(["home", "shop", "school", "office"], name="use-codes")),
            "built": column(int, check.in_range(1900, 2026, name="built-range")),
            "changed": column(int),
            "district": column(str, check.isin(list("abcdefgh"), name="district-codes")),
        },
        checks=check(
            lambda d: d.lazyframe.select(pl.col("built") <= pl.col("changed")), name="order"
        ),
        unique=["code"],
    )
    names = {"code": "code-present", "area": "area-present"}
    found = dict.fromkeys((rule.name for rule in read_quality_rules(RULES)), 0)
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        for one in errors.schema_errors:
            check_name = getattr(one.check, "name", None) or str(one.check)
            broken = 0 if one.failure_cases is None else len(one.failure_cases)
            if check_name == "not_nullable":
                check_name = names[one.schema.name]
            elif "unique" in check_name:
                check_name = "code-unique"
            found[check_name] = broken
    return found


if __name__ == "__main__":
    main()
