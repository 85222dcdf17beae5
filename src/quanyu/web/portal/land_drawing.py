"""What the map of a report shows: the project and what of it lies on what."""

from typing import Any

from quanyu.kernel import Language

_LOOKS = {
    "farmland": "farmland",
    "ecology": "ecology",
    "urban-boundary": "boundary",
}


def drawn_features(report: dict[str, Any], language: Language) -> dict[str, Any]:
    """GeoJSON of the project and of each touched part, once each; ``look`` names its colour."""
    features = []
    seen: set[tuple[str, str]] = set()
    for finding in report["findings"]:
        for touch in finding["touches"]:
            key = (touch["dataset"], touch["feature"])
            if key in seen:
                continue
            seen.add(key)
            title = f"{finding['name'][language]} · {touch['feature']}"
            look = _LOOKS.get(touch["role"], "other")
            features.append(_feature(touch["geometry"], look, title))
        if "left" in finding:
            features.append(_feature(finding["left"], "left", finding["name"][language]))
    features.append(_feature(report["project"]["geometry"], "project", report["project"]["name"]))
    return {"type": "FeatureCollection", "features": features}


def _feature(geometry: Any, look: str, title: str) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {"look": look, "title": title},
    }
