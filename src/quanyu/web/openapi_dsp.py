"""The paths of the Dataspace Protocol 2025-1, in short: its own schemas say what messages hold."""

from typing import Any

from quanyu.web.negotiate import MEDIA_TYPES
from quanyu.web.openapi_components import parameter
from quanyu.web.openapi_parts import Path, operation

_TAG = "Dataspace Protocol"
_SCHEMAS = "https://w3id.org/dspace/2025/1/"
_TEXT = {"type": "string"}
_NUMBER = {"type": "integer", "minimum": 0}
_PAGE = (parameter("after", _NUMBER), parameter("limit", _NUMBER))
_CATALOGUE, _NEGOTIATION, _TRANSFER = "catalog", "negotiation", "transfer"
_TAKEN: tuple[tuple[str, str, str, str], ...] = (
    ("negotiations/request", _NEGOTIATION, "contract-request-message", "Ask for terms"),
    ("negotiations/offers", _NEGOTIATION, "contract-offer-message", "Offer terms"),
    ("negotiations/{pid}/request", _NEGOTIATION, "contract-request-message", "Ask for others"),
    ("negotiations/{pid}/offers", _NEGOTIATION, "contract-offer-message", "Offer others"),
    ("negotiations/{pid}/events", _NEGOTIATION, "contract-negotiation-event-message",
     "Accept or finalise"),
    ("negotiations/{pid}/agreement", _NEGOTIATION, "contract-agreement-message", "Agree"),
    ("negotiations/{pid}/agreement/verification", _NEGOTIATION,
     "contract-agreement-verification-message", "Verify an agreement"),
    ("negotiations/{pid}/termination", _NEGOTIATION, "contract-negotiation-termination-message",
     "Terminate a negotiation"),
    ("transfers/request", _TRANSFER, "transfer-request-message", "Ask for a transfer"),
    ("transfers/{pid}/start", _TRANSFER, "transfer-start-message", "Start a transfer"),
    ("transfers/{pid}/completion", _TRANSFER, "transfer-completion-message", "Complete it"),
    ("transfers/{pid}/termination", _TRANSFER, "transfer-termination-message", "Terminate it"),
    ("transfers/{pid}/suspension", _TRANSFER, "transfer-suspension-message", "Suspend it"),
)  # fmt: skip
"""Address below ``/dsp``, kind of process, name of the message's schema, and what it does."""


def dsp_paths() -> dict[str, Any]:
    """The paths object of these."""
    version = "/.well-known/dspace-version"
    asked = "/dsp/catalog/request"
    dataset = "/dsp/catalog/datasets/{name}"
    found: dict[str, Any] = {
        version: {"get": _plain(version, "dsp_versions", "Versions of the protocol")},
        asked: {"post": _taking(asked, _CATALOGUE, "catalog-request-message", "The catalogue")},
        dataset: {"get": _plain(dataset, "dsp_dataset", "A dataset and its offers")},
    }
    found[asked]["post"]["parameters"] += _PAGE
    for below, kind, message, summary in _TAKEN:
        path = f"/dsp/{below}"
        found[path] = {"post": _taking(path, kind, message, summary)}
        if below in ("negotiations/request", "negotiations/offers", "transfers/request"):
            answers = found[path]["post"]["responses"]
            answers["201"] = answers.pop("200")
    for kind in ("negotiations", "transfers"):
        path = f"/dsp/{kind}/{{pid}}"
        found[path] = {"get": _plain(path, f"dsp_{kind}_state", "How a process stands")}
    return found


def _taking(path: str, kind: str, message: str, summary: str) -> dict[str, Any]:
    """An operation that takes a message; the standard's schema says what is in it."""
    made = _plain(path, path.strip("/").replace("/", "_").replace("{pid}", "of"), summary)
    address = f"{_SCHEMAS}{kind}/{message}-schema.json"
    made["requestBody"] = {
        "required": True,
        "content": {
            MEDIA_TYPES["json"]: {
                "schema": {
                    "type": "object",
                    "description": f"See {address}",
                    "required": ["@context", "@type"],
                    "properties": {"@context": {"type": "array"}, "@type": _TEXT},
                }
            }
        },
    }
    made["externalDocs"] = {"url": address}
    return made


def _plain(path: str, name: str, summary: str) -> dict[str, Any]:
    """Errors have the protocol's own form."""
    made = operation(Path(path, name, summary, _TAG, schema=None))
    for status in made["responses"]:
        if status != "200":
            made["responses"][status] = {"description": "An error in the protocol's own form."}
    return made
