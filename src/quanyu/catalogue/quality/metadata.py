"""Metadata quality by the five dimensions of the Metadata Quality Assessment of data.europa.eu.

Every indicator gives all of its points or none, as there; 405 in all. ``INDICATORS`` is the table:
what is looked at, how much it counts, what is said when it is met or not, and how to mend it.
Links of entries whose data are elsewhere count as reachable only after a check found them so.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from quanyu.catalogue.codes import BY_AGREEMENT, LICENCES
from quanyu.catalogue.model import Resource
from quanyu.catalogue.quality.ways import Way, known_format, machine_readable, open_format, ways


class Dimension(StrEnum):
    """The five dimensions."""

    FINDABILITY = "findability"
    ACCESSIBILITY = "accessibility"
    INTEROPERABILITY = "interoperability"
    REUSABILITY = "reusability"
    CONTEXTUALITY = "contextuality"


class Rating(StrEnum):
    """Words for a score: from 351, from 221, from 121, below."""

    EXCELLENT = "excellent"
    GOOD = "good"
    SUFFICIENT = "sufficient"
    BAD = "bad"


MOST: dict[Dimension, int] = {
    Dimension.FINDABILITY: 100,
    Dimension.ACCESSIBILITY: 100,
    Dimension.INTEROPERABILITY: 110,
    Dimension.REUSABILITY: 75,
    Dimension.CONTEXTUALITY: 20,
}
OF = sum(MOST.values())
LEAST: dict[Rating, int] = {
    Rating.EXCELLENT: 351,
    Rating.GOOD: 221,
    Rating.SUFFICIENT: 121,
    Rating.BAD: 0,
}
"""Least score of each rating."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What indicators look at: the entry, and the ways to its data."""

    of: Resource
    ways: tuple[Way, ...]

    @property
    def formats(self) -> frozenset[str]:
        """Names of the formats that the entry or its distributions are said to have."""
        return frozenset({*self.of.formats, *(way.format for way in self.ways if way.format)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One thing that is looked at. ``says`` when it is met, ``detail`` and ``mend`` when not."""

    key: str
    dimension: Dimension
    points: int
    title: str
    says: str
    detail: str
    mend: str
    holds: Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Finding:
    """An indicator as it stands with an entry; texts are message ids."""

    indicator: Indicator
    met: bool

    @property
    def points(self) -> int:
        """Points it gives."""
        return self.indicator.points if self.met else 0

    @property
    def reason(self) -> str:
        """Why it gives them or none."""
        return self.indicator.says if self.met else self.indicator.detail


@dataclass(frozen=True, slots=True)
class MetadataQuality:
    """The score of an entry with its reasons."""

    score: int
    of: int
    rating: Rating
    dimensions: Mapping[Dimension, int]
    findings: tuple[Finding, ...]


def rating_of(score: int) -> Rating:
    """The word for a score."""
    return next(rating for rating, least in LEAST.items() if score >= least)


def metadata_quality(
    resource: Resource,
    *,
    served: bool = False,
    sizes: Mapping[str, int] | None = None,
    answered: Collection[str] = (),
) -> MetadataQuality:
    """The score of an entry.

    served    whether this node holds its data and answers for them.
    sizes     bytes of its downloads by format, where they are known.
    answered  addresses of its distributions that were seen to answer.
    """
    facts = Facts(resource, ways(resource, served=served, sizes=sizes or {}, answered=answered))
    findings = tuple(Finding(one, one.holds(facts)) for one in INDICATORS)
    dimensions = {
        dimension: sum(f.points for f in findings if f.indicator.dimension is dimension)
        for dimension in Dimension
    }
    score = sum(dimensions.values())
    return MetadataQuality(score, OF, rating_of(score), dimensions, findings)


def _described(facts: Facts) -> bool:
    """Title and provider are always there; what else is mandatory in DCAT-AP 3.0."""
    return facts.of.abstract is not None and all(way.url for way in facts.ways)


INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        key="keywords",
        dimension=Dimension.FINDABILITY,
        points=30,
        title="Keywords",
        says="keywords are given",
        detail="there are no keywords",
        mend="add words that people would search by",
        holds=lambda f: bool(f.of.keywords),
    ),
    Indicator(
        key="categories",
        dimension=Dimension.FINDABILITY,
        points=30,
        title="Themes",
        says="it belongs to a theme",
        detail="it belongs to no theme",
        mend="choose the themes it belongs to",
        holds=lambda f: bool(f.of.themes),
    ),
    Indicator(
        key="geo-search",
        dimension=Dimension.FINDABILITY,
        points=20,
        title="Search by place",
        says="its extent is known",
        detail="its extent is not known",
        mend="give the area it covers as a bounding box",
        holds=lambda f: f.of.bbox is not None,
    ),
    Indicator(
        key="time-search",
        dimension=Dimension.FINDABILITY,
        points=20,
        title="Search by time",
        says="its time is known",
        detail="it says nothing of the time it covers",
        mend="give the first or the last day that it covers",
        holds=lambda f: f.of.interval != (None, None),
    ),
    Indicator(
        key="access-reachable",
        dimension=Dimension.ACCESSIBILITY,
        points=50,
        title="Access address answers",
        says="the address of the data answers",
        detail="no address of the data is known to answer",
        mend="bring the data in, or give an address that answers",
        holds=lambda f: any(way.reachable for way in f.ways),
    ),
    Indicator(
        key="download",
        dimension=Dimension.ACCESSIBILITY,
        points=20,
        title="Direct download",
        says="it can be downloaded directly",
        detail="there is no direct download",
        mend="give the address of a file, not only of a page",
        holds=lambda f: any(way.download for way in f.ways),
    ),
    Indicator(
        key="download-reachable",
        dimension=Dimension.ACCESSIBILITY,
        points=30,
        title="Download answers",
        says="the download answers",
        detail="no download is known to answer",
        mend="give the address of a file that answers",
        holds=lambda f: any(way.download and way.reachable for way in f.ways),
    ),
    Indicator(
        key="format",
        dimension=Dimension.INTEROPERABILITY,
        points=20,
        title="Format",
        says="the format is said",
        detail="the format is not said",
        mend="name the format of the data",
        holds=lambda f: bool(f.formats),
    ),
    Indicator(
        key="media-type",
        dimension=Dimension.INTEROPERABILITY,
        points=10,
        title="Media type",
        says="the media type is said",
        detail="the media type is not said",
        mend="give the media type of each file",
        holds=lambda f: any(way.media_type for way in f.ways),
    ),
    Indicator(
        key="format-vocabulary",
        dimension=Dimension.INTEROPERABILITY,
        points=10,
        title="Format from a vocabulary",
        says="formats are called by their usual names",
        detail="a format has a name that no vocabulary knows",
        mend="use a usual name such as CSV, GeoJSON or GeoPackage",
        holds=lambda f: bool(f.formats) and all(map(known_format, f.formats)),
    ),
    Indicator(
        key="non-proprietary",
        dimension=Dimension.INTEROPERABILITY,
        points=20,
        title="Open format",
        says="there is a format that belongs to nobody",
        detail="every format belongs to a vendor, or none is known",
        mend="offer an open format such as CSV or GeoPackage",
        holds=lambda f: any(map(open_format, f.formats)),
    ),
    Indicator(
        key="machine-readable",
        dimension=Dimension.INTEROPERABILITY,
        points=20,
        title="Machine-readable",
        says="programs can read it",
        detail="no format is one that programs can read",
        mend="offer a structured format such as CSV or GeoJSON",
        holds=lambda f: any(map(machine_readable, f.formats)),
    ),
    Indicator(
        key="dcat-ap",
        dimension=Dimension.INTEROPERABILITY,
        points=30,
        title="Complete by DCAT-AP",
        says="what DCAT-AP asks for is there",
        detail="something that DCAT-AP asks for is missing",
        mend="give an abstract, and an address for each distribution",
        holds=_described,
    ),
    Indicator(
        key="licence",
        dimension=Dimension.REUSABILITY,
        points=20,
        title="Licence",
        says="a licence is given",
        detail="no licence is given",
        mend="choose a licence",
        holds=lambda f: bool(f.of.licence),
    ),
    Indicator(
        key="licence-vocabulary",
        dimension=Dimension.REUSABILITY,
        points=10,
        title="Licence from a vocabulary",
        says="the licence is one of the known ones",
        detail="the licence is none of the known ones",
        mend="choose one of the licences offered, such as CC-BY-4.0",
        holds=lambda f: f.of.licence in LICENCES and f.of.licence != BY_AGREEMENT,
    ),
    Indicator(
        key="access-rights",
        dimension=Dimension.REUSABILITY,
        points=10,
        title="Access rights",
        says="who may have it is said",
        detail="who may have it is not said",
        mend="say who may have it",
        holds=lambda f: bool(f.of.access),
    ),
    Indicator(
        key="access-rights-vocabulary",
        dimension=Dimension.REUSABILITY,
        points=5,
        title="Access rights from a vocabulary",
        says="access rights come from the code table",
        detail="access rights come from no code table",
        mend="choose one of the accesses offered",
        holds=lambda f: bool(f.of.access),
    ),
    Indicator(
        key="contact",
        dimension=Dimension.REUSABILITY,
        points=20,
        title="Contact",
        says="it says whom to ask",
        detail="it does not say whom to ask",
        mend="name an office with an address, a telephone number or e-mail",
        holds=lambda f: f.of.contact is not None,
    ),
    Indicator(
        key="publisher",
        dimension=Dimension.REUSABILITY,
        points=10,
        title="Publisher",
        says="its provider is known",
        detail="its provider is not known",
        mend="name the providing party",
        holds=lambda f: bool(f.of.provider),
    ),
    Indicator(
        key="rights",
        dimension=Dimension.CONTEXTUALITY,
        points=5,
        title="Rights",
        says="how to name the source is said",
        detail="how to name the source is not said",
        mend="give the attribution that users shall show",
        holds=lambda f: bool(f.of.attribution),
    ),
    Indicator(
        key="file-size",
        dimension=Dimension.CONTEXTUALITY,
        points=5,
        title="File size",
        says="the size of a download is known",
        detail="the size of no download is known",
        mend="state the size of the file; for data held here it is measured after publication",
        holds=lambda f: any(way.bytes is not None for way in f.ways),
    ),
    Indicator(
        key="issued",
        dimension=Dimension.CONTEXTUALITY,
        points=5,
        title="Date of issue",
        says="the date of issue is known",
        detail="it has not been published yet",
        mend="publish it",
        holds=lambda f: f.of.published_at is not None,
    ),
    Indicator(
        key="modified",
        dimension=Dimension.CONTEXTUALITY,
        points=5,
        title="Date of change",
        says="the date of the last change is known",
        detail="the date of the last change is not known",
        mend="save the entry once more",
        holds=lambda f: f.of.updated_at is not None,
    ),
)
"""The indicators with their points, in the order of the methodology."""
