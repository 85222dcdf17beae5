"""`contribution`: what each holder, and each row, of training data adds to a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quanyu.cli.acting import As, acting
from quanyu.cli.options import HOME, Dir, Json
from quanyu.cli.output import give_json, give_table, say
from quanyu.kernel import Invalid, load_settings, open_control
from quanyu.market import from_yuan, keep_valuation, value_holders, value_rows, what_if, yuan

if TYPE_CHECKING:
    import pyarrow as pa

commands = typer.Typer(help="What holders of training data add to a model.", no_args_is_help=True)

Train = Annotated[Path, typer.Argument(help="Training rows: Parquet or CSV.")]
Test = Annotated[Path, typer.Argument(help="Test rows with the same columns.")]
Label = Annotated[str, typer.Option(help="Column of the label.")]
Neighbours = Annotated[int, typer.Option("--k", min=1, help="How many nearest rows vote.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(commands, name="contribution")


@commands.command(
    "holders",
    epilog="Example: `quanyu contribution holders train.csv test.csv --label kind --holder party`",
)
def holders(
    train: Train,
    test: Test,
    label: Label,
    holder: Annotated[str, typer.Option(help="Column of the training rows with their holder.")],
    k: Neighbours = 5,
    evaluations: Annotated[
        int, typer.Option(min=100, max=1_000_000, help="Coalitions asked above 16 holders.")
    ] = 4_000,
    pool: Annotated[str, typer.Option(help="What if this many yuan were shared?")] = "",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it, with its leaf; holders are ids of parties.")
    ] = False,
    login: As = None,
    folder: Dir = HOME,
    json: Json = False,
) -> None:
    """Shapley values of the holders: exact up to 16, Stratified SVARM with an interval above."""
    told = _read(train)
    features = [name for name in told.column_names if name not in (label, holder)]
    asked = _read(test)
    names = [str(one) for one in _column(told, holder)]
    train_labels, test_labels = _labels(_column(told, label), _column(asked, label))
    made = value_holders(
        _numbers(told, features),
        train_labels,
        _numbers(asked, features),
        test_labels,
        names,
        k=k,
        evaluations=evaluations,
    )
    said = made.transcript()
    if pool:
        micro = {one["holder"]: one["micro"] for one in said["values"]}
        parts = what_if(micro, from_yuan(pool, "pool"))
        said = said | {"shares": parts}
    if keep:
        control = open_control(load_settings(dir=folder))
        caller = acting(control, login)
        with control.begin() as session:
            kept = keep_valuation(session, caller, made)
        said = said | {"id": kept.id, "leaf": kept.leaf}
    if json:
        give_json(said)
        return
    shares = said.get("shares", {})
    give_table(
        ("holder", "Shapley", "±95 %", "Banzhaf", "leave one out", "yuan"),
        [
            (
                one.holder,
                f"{one.shapley:.4f}",
                f"{one.half_width:.4f}",
                "—" if one.banzhaf is None else f"{one.banzhaf:.4f}",
                f"{one.leave_one_out:.4f}",
                yuan(shares[one.holder]) if shares else "—",
            )
            for one in made.holders
        ],
    )
    say(f"{made.method}, {made.evaluations} coalitions, seed {made.seed}")
    if keep:
        say(f"kept as {said['id']}, leaf {said['leaf']}")


@commands.command(
    "rows", epilog="Example: `quanyu contribution rows train.csv test.csv values.csv --label kind`"
)
def rows(
    train: Train,
    test: Test,
    target: Annotated[Path, typer.Argument(help="CSV to write: row, value.")],
    label: Label,
    k: Neighbours = 5,
) -> None:
    """The exact Shapley value of each training row (KNN-Shapley)."""
    import pyarrow as pa
    from pyarrow import csv

    told, asked = _read(train), _read(test)
    features = [name for name in told.column_names if name != label]
    labels, truth = _labels(_column(told, label), _column(asked, label))
    values = value_rows(_numbers(told, features), labels, _numbers(asked, features), truth, k=k)
    table = pa.table({"row": list(range(len(values))), "value": values})
    csv.write_csv(table, target)
    say(f"{len(values)} values, in sum {values.sum():.6f}: the model's own value")


def _read(path: Path) -> "pa.Table":
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        return parquet.read_table(path) if path.suffix == ".parquet" else csv.read_csv(path)
    except (OSError, pa.ArrowException) as error:
        raise Invalid("{path} cannot be read: {why}", field="data", path=path, why=error) from error


def _column(table: "pa.Table", name: str) -> list[Any]:
    if name not in table.column_names:
        raise Invalid(
            "there is no column {name}",
            field=name,
            mend="it has: {known}",
            name=name,
            known=", ".join(table.column_names),
        )
    found: list[Any] = table[name].to_pylist()
    return found


def _labels(train: list[Any], test: list[Any]) -> tuple[Any, Any]:
    import numpy as np

    _, codes = np.unique([str(one) for one in [*train, *test]], return_inverse=True)
    return codes[: len(train)].astype(np.int64), codes[len(train) :].astype(np.int64)


def _numbers(table: "pa.Table", names: list[str]) -> Any:
    import numpy as np

    try:
        columns = [np.asarray(_column(table, name), dtype=np.float64) for name in names]
    except (TypeError, ValueError) as error:
        raise Invalid(
            "the columns beside label and holder are numbers: {why}",
            field="data",
            mend="leave out or encode what is none",
            why=error,
        ) from error
    if not columns:
        raise Invalid("there is no column of numbers", field="data")
    return np.stack(columns, axis=1)
