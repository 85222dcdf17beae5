"""What the SensorThings service says that it does (18-088, clause 9.2.1)."""

from typing import Any

from starlette.requests import Request

from quanyu.web.node import node_of

_SPEC = "http://www.opengis.net/spec/iot_sensing/1.1/req"
_MQTT = (
    f"{_SPEC}/create-observations-via-mqtt/observations-creation",
    f"{_SPEC}/receive-updates-via-mqtt/receive-updates",
)
REQUIREMENTS = tuple(
    f"{_SPEC}/{one}"
    for one in (
        *(
            f"datamodel/{entity}/{part}"
            for entity in (
                "thing",
                "location",
                "historical-location",
                "datastream",
                "sensor",
                "observed-property",
                "observation",
                "feature-of-interest",
            )
            for part in ("properties", "relations")
        ),
        "datamodel/entity-control-information/common-control-information",
        "datamodel/historical-location/auto-creation",
        "resource-path/resource-path-to-entities",
        *(
            f"request-data/{option}"
            for option in (
                "order",
                "expand",
                "select",
                "status-code",
                "query-status-code",
                "orderby",
                "top",
                "skip",
                "count",
                "filter",
                "built-in-filter-operations",
                "built-in-query-functions",
                "pagination",
            )
        ),
        *(
            f"create-update-delete/{one}"
            for one in (
                "create-entity",
                "link-to-existing-entities",
                "deep-insert",
                "deep-insert-status-code",
                "update-entity",
                "update-entity-jsonpatch",
                "delete-entity",
                "historical-location-auto-creation",
            )
        ),
        "multi-datastream/properties",
        "multi-datastream/relations",
        "multi-datastream/constraints",
        "data-array/data-array",
    )
)
"""Requirements classes that tests hold."""


def server_settings(request: Request, slug: str) -> dict[str, Any]:
    """``serverSettings`` of a root: requirements, and where messages are taken."""
    settings = node_of(request).settings
    found: dict[str, Any] = {"conformance": list(REQUIREMENTS)}
    if settings.mqtt_port is not None:
        found["conformance"].append(_MQTT[0])
        host = request.url.hostname or settings.mqtt_host
        found[_MQTT[0]] = {"endpoints": [f"mqtt://{host}:{settings.mqtt_port}/{slug}/v1.1"]}
    return found
