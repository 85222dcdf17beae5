"""Clients that people have: GDAL, OWSLib; and schemathesis, which tries what nobody should."""

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from town import Town

from quanyu.catalogue import probe_service
from quanyu.catalogue.harvest.fetch import Reach

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from owslib.ogcapi.features import Features
    from owslib.ogcapi.records import Records

gdal = pytest.mark.skipif(
    shutil.which("ogr2ogr") is None, reason="no GDAL: apt-get install gdal-bin"
)


@gdal
@pytest.mark.gdal
def test_gdal_lists_and_brings_a_collection_whole(town: Town, tmp_path: Path) -> None:
    source = f"OAPIF:{town.url}/ogc/features"
    listed = subprocess.run(
        ["ogrinfo", "-ro", source], capture_output=True, text=True, check=True, timeout=60
    )
    assert "trees" in listed.stdout
    assert "buildings" not in listed.stdout
    target = tmp_path / "trees.json"
    subprocess.run(
        ["ogr2ogr", "-f", "GeoJSON", target, source, "trees", "-oo", "PAGE_SIZE=150"],
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert len(json.loads(target.read_text())["features"]) == 400


@gdal
@pytest.mark.gdal
def test_gdal_brings_a_restricted_collection_with_a_token(town: Town, tmp_path: Path) -> None:
    headers = tmp_path / "headers.txt"
    headers.write_text(f"Authorization: Bearer {town.tokens['consumer']}\n")
    target = tmp_path / "buildings.json"
    subprocess.run(
        [
            *("ogr2ogr", "-f", "GeoJSON", target, f"OAPIF:{town.url}/ogc/features", "buildings"),
            *("-spat", "24.90", "60.15", "24.98", "60.19"),
            *("--config", "GDAL_HTTP_HEADER_FILE", headers),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    )
    found = json.loads(target.read_text())["features"]
    assert len(found) == 80
    assert "phone" not in found[0]["properties"]


def test_owslib_reads_features_and_records(town: Town) -> None:
    features = Features(f"{town.url}/ogc/features")
    assert "trees" in features.feature_collections()
    assert features.collection_items("trees", limit=3)["numberReturned"] == 3
    assert "height" in features.collection_queryables("trees")["properties"]
    records = Records(f"{town.url}/ogc/records")
    assert "catalogue" in records.records()
    assert records.collection_items("catalogue", q="trees")["numberMatched"] >= 1


def test_another_quanyu_reads_what_is_offered(town: Town) -> None:
    reach = Reach(allow_private=True)
    for address in (f"{town.url}/ogc/features", f"{town.url}/ogc/features/collections"):
        found = probe_service(address, reach)
        assert found.kind == "OGC API"
        trees = next(one for one in found.offered if one.slug == "trees")
        assert trees.bbox is not None
        assert trees.distributions[0].url == f"{town.url}/ogc/features/collections/trees/items"
        assert "buildings" not in {one.slug for one in found.offered}


@pytest.mark.timeout(400)
def test_schemathesis_finds_no_fault_of_ours(town: Town, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            *(program, "run", f"{town.url}/api", "--url", town.url),
            *("--checks", "not_a_server_error", "--max-examples", "8", "--max-time", "60"),
            *("--header", f"Authorization: Bearer {town.tokens['consumer']}"),
            *("--exclude-path-regex", "^/auth/sign", "--no-color", "--phases", "examples,fuzzing"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "Server error" not in done.stdout, done.stdout[-4000:]
    assert done.returncode in {0, 2} or "not_a_server_error" not in done.stdout, done.stdout[-4000:]
