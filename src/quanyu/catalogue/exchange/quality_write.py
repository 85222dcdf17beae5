"""Measurements of quality as the Data Quality Vocabulary (W3C DQV) says them."""

from quanyu.catalogue.exchange.model import Measurement
from quanyu.catalogue.exchange.rdf import Tree
from quanyu.kernel import LocalText, iso

METRICS_URI, DIMENSIONS_URI = "urn:quanyu:metric", "urn:quanyu:quality-dimension"

_NAMES = {
    "health": LocalText(zh="健康度（0 至 100）", en="Health, 0 to 100"),
    "freshness": LocalText(zh="时效得分（0 至 100）", en="Age of the data, 0 to 100"),
    "quality": LocalText(zh="数据值质量得分（0 至 100）", en="Quality of the values, 0 to 100"),
    "reach": LocalText(zh="服务可达得分（0 至 100）", en="Whether it answers, 0 to 100"),
    "liveness": LocalText(zh="数据流活跃得分（0 至 100）", en="Whether it observes, 0 to 100"),
    "jobs": LocalText(zh="运行成功得分（0 至 100）", en="Runs that did not fail, 0 to 100"),
    "completeness": LocalText(zh="完整性规则满足率", en="Rules of completeness that hold"),
    "validity": LocalText(zh="规范性规则满足率", en="Rules of conformity that hold"),
    "uniqueness": LocalText(zh="唯一性规则满足率", en="Rules of uniqueness that hold"),
    "timeliness": LocalText(zh="时效性规则满足率", en="Rules of timeliness that hold"),
    "consistency": LocalText(zh="一致性规则满足率", en="Rules of consistency that hold"),
    "accuracy": LocalText(zh="准确性规则满足率", en="Rules of accuracy that hold"),
}


def measurement_tree(one: Measurement, of: str) -> Tree:
    """A measurement of what ``of`` names."""
    whole = isinstance(one.value, int)
    kind = "xsd:nonNegativeInteger" if whole else "xsd:decimal"
    name = _NAMES[one.metric]
    metric: Tree = {
        "@id": f"{METRICS_URI}:{one.metric}",
        "@type": "dqv:Metric",
        "skos:prefLabel": [
            {"@value": name.zh, "@language": "zh"},
            {"@value": name.en, "@language": "en"},
        ],
        "dqv:expectedDataType": [{"@id": f"http://www.w3.org/2001/XMLSchema#{kind[4:]}"}],
        "dqv:inDimension": [{"@id": f"{DIMENSIONS_URI}:{one.dimension}", "@type": "dqv:Dimension"}],
    }
    return {
        "@type": "dqv:QualityMeasurement",
        "dqv:isMeasurementOf": [metric],
        "dqv:computedOn": [{"@id": of}],
        "dqv:value": [{"@value": str(one.value) if whole else f"{one.value:.4f}", "@type": kind}],
        "prov:generatedAtTime": [{"@value": iso(one.at), "@type": "xsd:dateTime"}],
    }
