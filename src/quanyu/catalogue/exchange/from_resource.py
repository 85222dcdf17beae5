"""An entry of this catalogue as an exchange entry."""

from collections.abc import Iterable, Mapping

from quanyu.catalogue.exchange.model import Entry, Measurement, Publisher
from quanyu.catalogue.model import Distribution, Resource
from quanyu.kernel import LANGUAGES, LocalText


def entry_of(
    resource: Resource,
    provider: LocalText,
    distributions: Iterable[Distribution] = (),
    *,
    base: str = "",
    policy: str = "",
    sources: Mapping[str, str] | None = None,
    measurements: Iterable[Measurement] = (),
) -> Entry:
    """What the catalogue says of a resource.

    provider       name of the providing party.
    distributions  where this node serves it; those of others are the resource's own.
    base           address of this node: the page of the resource is its landing page and its URI.
    policy         address of the offer under which it may be had.
    sources        addresses of what it was made from, by id, as far as they may be told; without
                   them ids are given.
    measurements   what was measured of its quality, as far as everybody may know it.
    """
    page = f"{base}/resources/{resource.slug}" if base else ""
    known = {source: source for source in resource.lineage} if sources is None else sources
    return Entry(
        identifier=resource.code or resource.id,
        title=resource.title,
        kind=resource.kind,
        uri=page,
        other_identifiers=(resource.id,) if resource.code else (),
        abstract=resource.abstract,
        keywords=resource.keywords,
        themes=resource.themes,
        licence=resource.licence,
        access=resource.access,
        grade=resource.grade,
        update_cycle=resource.update_cycle,
        bbox=resource.bbox,
        interval=resource.interval,
        fields=resource.fields,
        formats=resource.formats,
        lineage=tuple(known[source] for source in resource.lineage if source in known),
        provenance=resource.provenance,
        contact=resource.contact,
        publisher=Publisher(
            provider, resource.provider, f"{base}/parties/{resource.provider}" if base else ""
        ),
        issued=resource.published_at or resource.created_at,
        modified=resource.updated_at,
        version=resource.version,
        attribution=resource.attribution,
        landing_page=page,
        policy=policy,
        language=tuple(tag for tag in LANGUAGES if getattr(resource.title, tag)),
        distributions=(*distributions, *resource.distributions),
        attributes=resource.attributes,
        measurements=tuple(measurements),
    )
