"""The paths of the market: offers and their prices, uses answered elsewhere, statements."""

from typing import Any

from quanyu.market import Measure, Method, PlanKind
from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TAG = "Market"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0, "maximum": 10**15}
_JSON_TWIN = parameter("f", {"const": "json"}, "The page as JSON.") | {"required": True}
_AFTER = parameter("after", _TEXT, "Token of the page before.")
_PLAN: dict[str, Any] = {
    "type": "object",
    "description": "A price plan; amounts are whole fen (1/100 yuan).",
    "required": ["kind"],
    "additionalProperties": False,
    "properties": {
        "kind": {"type": "string", "enum": list(PlanKind)},
        "measure": {"type": "string", "enum": list(Measure), "default": "uses"},
        "per": _COUNT | {"minimum": 1, "default": 1},
        "price": _COUNT,
        "included": _COUNT,
        "fee": _COUNT,
        "tiers": {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"up_to": _COUNT, "price": _COUNT},
            },
        },
        "public_data": {"type": "boolean", "default": False},
    },
}
_SHARING: dict[str, Any] = {
    "type": "object",
    "description": "How the income is shared.",
    "additionalProperties": False,
    "properties": {
        "method": {"type": "string", "enum": list(Method), "default": "registered"},
        "weights": {"type": "object", "additionalProperties": _COUNT},
        "valuation": _TEXT,
    },
}
_LEVEL: dict[str, Any] = {
    "type": "object",
    "description": "The service level promised.",
    "additionalProperties": False,
    "properties": {"zh": _TEXT, "en": _TEXT},
}
_PRICE: dict[str, Any] = {"plan": _PLAN, "sharing": _SHARING, "level": _LEVEL}
_USE: dict[str, Any] = {
    "type": "object",
    "required": ["id", "agreement", "at"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 64},
        "agreement": _TEXT,
        "at": {"type": "string", "format": "date-time"},
        "rows": _COUNT,
        "bytes": _COUNT,
        "purpose": {"type": "string", "maxLength": 64},
    },
}


def body_of(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    """A request body that is a JSON object of these members and no others."""
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }
    if required:
        schema["required"] = list(required)
    return {"required": True, "content": {MEDIA_TYPES["json"]: {"schema": schema}}}


def market_paths() -> dict[str, Any]:
    """The paths object of these."""
    return _offers() | _statements()


def _offers() -> dict[str, Any]:
    where = "/market/offers/{offer}"
    made = _plain("/market/offers", "offer_create", "Put an offer and its price forward")
    made["requestBody"] = body_of(
        {"resource": _TEXT, "policy": {"type": "object"}, "replaces": _TEXT} | _PRICE,
        "resource",
        "policy",
    )
    made["responses"]["201"] = made["responses"].pop("200")
    put = _plain(f"{where}/price", "price_put", "Put a price to an offer, once")
    put["requestBody"] = body_of(_PRICE, "plan")
    reported = _plain("/market/uses", "uses_report", "Report uses that were answered elsewhere")
    reported["requestBody"] = body_of(
        {"uses": {"type": "array", "minItems": 1, "maxItems": 1_000, "items": _USE}}, "uses"
    )
    for one in (made, put, reported):
        one["responses"]["409"] = {"$ref": "#/components/responses/Problem"}
    return {
        "/market/offers": {"post": made},
        where: {"delete": _plain(where, "offer_withdraw", "Take an offer back")},
        f"{where}/price": {
            "get": _plain(f"{where}/price", "price", "The price plan of an offer"),
            "put": put,
        },
        "/market/uses": {"post": reported},
        "/prices": {"get": _plain("/prices", "prices", "The price list", _JSON_TWIN)},
    }


def _statements() -> dict[str, Any]:
    code = "/statements/{code}"
    evidence = _plain(f"{code}/file", "statement_file", "A statement with all its evidence")
    return {
        "/statements": {
            "get": _plain(
                "/statements",
                "statements",
                "Statements, invoices and credit notes of the caller's party",
                _JSON_TWIN,
                _AFTER,
            )
        },
        code: {"get": _plain(code, "statement", "One document", _JSON_TWIN)},
        f"{code}/file": {"get": evidence},
    }


def _plain(path: str, name: str, summary: str, *more: dict[str, Any]) -> dict[str, Any]:
    return operation(Path(path, name, summary, _TAG, "lang", schema=None), more)
