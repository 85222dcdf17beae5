"""`algorithm`, `psi`, `sum`: algorithms sent to the data, set intersection, secure sums."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from quanyu.cli.files import read_file
from quanyu.cli.local import Body, ask, bearer
from quanyu.cli.options import HOME, Dir
from quanyu.cli.output import give_json
from quanyu.cli.use import Agreement, Purpose, TokenFile
from quanyu.kernel import Invalid

algorithms = typer.Typer(help="Algorithms sent to the data.", no_args_is_help=True)
sums = typer.Typer(help="Masked secure sums among three parties or more.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Id of the algorithm.")]
RunId = Annotated[str, typer.Argument(help="Id of the run.")]
RoundId = Annotated[str, typer.Argument(help="Id of the round.")]
Slug = Annotated[str, typer.Argument(help="Slug of the collection.")]
Filter = Annotated[str | None, typer.Option("--filter", help="CQL2 text.")]
Bbox = Annotated[str | None, typer.Option(help="xmin,ymin,xmax,ymax in degrees.")]
PeerToken = Annotated[Path, typer.Option(help="File with your API token at the other node.")]
_WAIT = {"prefer": "wait=600"}


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(algorithms, name="algorithm")
    app.command(
        epilog="Example: `quanyu psi clinics phone --peer https://b.example --peer-collection "
        "insured --peer-column mobile --peer-token-file b.token --purpose research`"
    )(psi)
    app.add_typer(sums, name="sum")


@algorithms.command(
    "deploy",
    epilog="Example: `quanyu algorithm deploy by-levels.json by_levels.py --token-file my.token`",
)
def deploy_algorithm(
    description: Annotated[Path, typer.Argument(help="Inputs and outputs, as JSON.")],
    code: Annotated[Path, typer.Argument(help="One Python file with a function run.")],
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Deploy an algorithm of your party, or another version of it."""
    said = _read_json(description)
    package = {
        "processDescription": said.get("processDescription", said),
        "executionUnit": {"mediaType": "text/x-python", "value": read_file(code).decode()},
    }
    give_json(_sent(folder, "/algorithms", package, token_file))


@algorithms.command(
    "run",
    epilog="Example: `quanyu algorithm run by-levels buildings --value least=2 --purpose research "
    "--token-file my.token`",
)
def run_algorithm(
    name: Name,
    collection: Slug,
    value: Annotated[
        list[str] | None, typer.Option(help="name=value of an input; again for each.")
    ] = None,
    bbox: Bbox = None,
    where: Filter = None,
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Run an algorithm on a collection, and tell how the run stands when it is over."""
    asked = {
        "collection": collection,
        "bbox": bbox,
        "filter": where,
        "agreement": agreement,
        "purpose": purpose,
    }
    said: dict[str, Any] = {key: text for key, text in asked.items() if text is not None}
    said["inputs"] = dict(map(_value, value or []))
    give_json(_sent(folder, f"/algorithms/{name}/runs", said, token_file, _WAIT))


@algorithms.command("show", epilog="Example: `quanyu algorithm show run_01… --token-file my.token`")
def show_run(run: RunId, token_file: TokenFile = None, folder: Dir = HOME) -> None:
    """How a run stands, and its outputs where you may see them."""
    told = _got(folder, f"/runs/{run}", token_file)
    for name, one in told.get("outputs", {}).items():
        one["value"] = _got(folder, f"/runs/{run}/outputs/{name}", token_file)
    give_json(told)


@algorithms.command(
    "release", epilog="Example: `quanyu algorithm release run_01… --token-file steward.token`"
)
def release_run(
    run: RunId,
    reasons: Annotated[str, typer.Option(help="Words to who asked.")] = "",
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Release the outputs of a run on your party's data."""
    said = {"decision": "release", "reasons": reasons}
    give_json(_sent(folder, f"/runs/{run}/decision", said, token_file))


@algorithms.command(
    "refuse",
    epilog="Example: `quanyu algorithm refuse run_01… --reasons 'too fine' "
    "--token-file steward.token`",
)
def refuse_run(
    run: RunId,
    reasons: Annotated[str, typer.Option(help="Why; who asked reads it.")],
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Refuse the outputs of a run on your party's data; they are deleted."""
    said = {"decision": "refuse", "reasons": reasons}
    give_json(_sent(folder, f"/runs/{run}/decision", said, token_file))


def psi(
    collection: Slug,
    column: Annotated[str, typer.Argument(help="Column with identifiers.")],
    peer: Annotated[str, typer.Option(help="Address of the other node.")],
    peer_collection: Annotated[str, typer.Option(help="Slug of its collection.")],
    peer_column: Annotated[str, typer.Option(help="Its column with identifiers.")],
    peer_token_file: PeerToken,
    peer_agreement: Annotated[str | None, typer.Option(help="Agreement there.")] = None,
    cardinality: Annotated[bool, typer.Option(help="Learn only how many both have.")] = False,
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Find which identifiers a collection here has in common with one of another node.

    Private set intersection over ristretto255, semi-honest; sizes are revealed to both sides."""
    there = {
        "url": peer,
        "token": bearer(peer_token_file),
        "collection": peer_collection,
        "column": peer_column,
        "agreement": peer_agreement,
        "purpose": purpose,
    }
    asked = {
        "collection": collection,
        "column": column,
        "cardinality": cardinality,
        "agreement": agreement,
        "purpose": purpose,
        "peer": {key: text for key, text in there.items() if text is not None},
    }
    said = {key: one for key, one in asked.items() if one is not None}
    give_json(_sent(folder, "/private/intersections", said, token_file))


@sums.command(
    "begin",
    epilog="Example: `quanyu sum begin --party pty_01… --party pty_02… --party pty_03… "
    "--group oak --group lime --decimals 2 --token-file my.token`",
)
def begin_sum(
    party: Annotated[list[str], typer.Option(help="Party that takes part; three or more.")],
    group: Annotated[list[str], typer.Option(help="Group to add up; again for each.")],
    title: Annotated[str, typer.Option(help="What is added up.")] = "",
    decimals: Annotated[int, typer.Option(min=0, max=9, help="Decimals that are kept.")] = 0,
    seconds: Annotated[int, typer.Option(min=1, help="How long the round waits.")] = 3600,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Begin a round that this node gathers; its parties have accounts here."""
    said = {
        "title": title,
        "participants": party,
        "groups": group,
        "decimals": decimals,
        "seconds": seconds,
    }
    give_json(_sent(folder, "/private/sums", said, token_file))


@sums.command(
    "part",
    epilog="Example: `quanyu sum part sum_01… trees --by kind --column height "
    "--gatherer https://a.example --party pty_02… --gatherer-token-file a.token`",
)
def take_part(
    round_id: RoundId,
    collection: Slug,
    by: Annotated[str, typer.Option(help="Column that says the group.")],
    gatherer: Annotated[str, typer.Option(help="Address of the node that gathers.")],
    party: Annotated[str, typer.Option(help="Id of your party there.")],
    gatherer_token_file: PeerToken,
    column: Annotated[str | None, typer.Option(help="Column to add up; else rows.")] = None,
    agreement: Agreement = None,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    folder: Dir = HOME,
) -> None:
    """Take part in a round with a collection of this node; waits for the others."""
    token = bearer(gatherer_token_file)
    asked = {
        "round": round_id,
        "collection": collection,
        "by": by,
        "column": column,
        "agreement": agreement,
        "purpose": purpose,
        "gatherer": {"url": gatherer, "token": token, "party": party},
    }
    said = {key: one for key, one in asked.items() if one is not None}
    give_json(_sent(folder, "/private/sums/part", said, token_file))


@sums.command("show", epilog="Example: `quanyu sum show sum_01… --token-file my.token`")
def show_sum(round_id: RoundId, token_file: TokenFile = None, folder: Dir = HOME) -> None:
    """How a round stands, and the sums once everybody's values are in."""
    give_json(_got(folder, f"/private/sums/{round_id}", token_file))


def _value(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid("this is no name=value", field="value", mend="write it so: least=2")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(read_file(path))
    except orjson.JSONDecodeError as error:
        raise Invalid(
            "{path} holds no JSON: {why}", field="description", path=path, why=error
        ) from error
    if not isinstance(found, dict):
        raise Invalid("give a JSON object", field="description")
    return found


def _sent(
    folder: Path,
    path: str,
    said: dict[str, Any],
    token_file: Path | None,
    headers: dict[str, str] | None = None,
) -> Any:
    answer = bytearray()
    body = Body("application/json", orjson.dumps(said), headers=headers or {})
    ask(folder, path, {}, token=bearer(token_file), write=answer.extend, body=body)
    return orjson.loads(answer)


def _got(folder: Path, path: str, token_file: Path | None) -> Any:
    answer = bytearray()
    ask(folder, path, {"f": "json"}, token=bearer(token_file), write=answer.extend)
    return orjson.loads(answer)
