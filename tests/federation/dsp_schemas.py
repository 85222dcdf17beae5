"""The protocol's JSON Schemas (2019-09), read from the shared vectors where they are."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_PLACES = [one / "shared/data/vectors/dsp" for one in Path(__file__).resolve().parents]
SHARED = next((one for one in _PLACES if one.exists()), _PLACES[-1])


def found() -> bool:
    return SHARED.exists()


@cache
def _registry() -> Any:
    from referencing import Registry, Resource

    registry: Any = Registry()
    for path in SHARED.glob("*/*-schema.json"):
        # Upstream, three schemas of transfers lack the slash of a JSON Pointer.
        text = path.read_text().replace("#definitions/", "#/definitions/")
        schema = json.loads(text)
        registry = registry.with_resource(schema["$id"], Resource.from_contents(schema))
    return registry


def faults(document: Any, name: str) -> list[str]:
    """What the schema ``negotiation/contract-negotiation-schema`` finds wrong with a document."""
    from jsonschema import Draft201909Validator

    identifier = f"https://w3id.org/dspace/2025/1/{name}.json"
    schema = {"$ref": identifier}
    checker = Draft201909Validator(schema, registry=_registry())
    return [f"{list(one.path)}: {one.message}" for one in checker.iter_errors(document)]


SCHEMAS = {
    "Catalog": "catalog/catalog-schema",
    "Dataset": "catalog/dataset-schema",
    "CatalogError": "catalog/catalog-error-schema",
    "ContractRequestMessage": "negotiation/contract-request-message-schema",
    "ContractOfferMessage": "negotiation/contract-offer-message-schema",
    "ContractAgreementMessage": "negotiation/contract-agreement-message-schema",
    "ContractAgreementVerificationMessage": (
        "negotiation/contract-agreement-verification-message-schema"
    ),
    "ContractNegotiationEventMessage": "negotiation/contract-negotiation-event-message-schema",
    "ContractNegotiationTerminationMessage": (
        "negotiation/contract-negotiation-termination-message-schema"
    ),
    "ContractNegotiation": "negotiation/contract-negotiation-schema",
    "ContractNegotiationError": "negotiation/contract-negotiation-error-schema",
    "TransferRequestMessage": "transfer/transfer-request-message-schema",
    "TransferStartMessage": "transfer/transfer-start-message-schema",
    "TransferCompletionMessage": "transfer/transfer-completion-message-schema",
    "TransferSuspensionMessage": "transfer/transfer-suspension-message-schema",
    "TransferTerminationMessage": "transfer/transfer-termination-message-schema",
    "TransferProcess": "transfer/transfer-process-schema",
    "TransferError": "transfer/transfer-error-schema",
}


def check(document: dict[str, Any]) -> None:
    """Fail unless a message or answer is as its schema says; nothing where there are none."""
    if found():
        wrong = faults(document, SCHEMAS[document["@type"]])
        assert not wrong, (document["@type"], wrong, document)
