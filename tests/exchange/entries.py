"""Entries of every kind that hypothesis may think of, in what the forms share."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from quanyu.catalogue import (
    LICENCES,
    THEMES,
    Access,
    Contact,
    Distribution,
    Entry,
    FieldMeaning,
    Grade,
    Kind,
    Publisher,
    Sensitivity,
    UpdateCycle,
)
from quanyu.kernel import LocalText

# What cannot be printed is taken out by every reader, and blanks are gathered.
LETTERS = st.characters(
    codec="utf-8",
    exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"),
    exclude_characters="\ufffe\uffff",
)
WORDS = st.text(LETTERS, min_size=1, max_size=12)
LINES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
PLAIN = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=10)
URLS = st.builds("https://{}.example.org/{}?a={}".format, PLAIN, PLAIN, PLAIN)
FORMS = st.sampled_from(["CSV", "GeoJSON", "XLSX", "GeoParquet", "JSON", "PDF"])


@st.composite
def texts(draw: st.DrawFn) -> LocalText:
    zh, en = draw(st.one_of(st.just(""), LINES)), draw(LINES)
    return LocalText(zh=zh, en=draw(st.sampled_from([en, ""])) if zh else en)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x = sorted(draw(st.tuples(*[st.floats(-180, 180, allow_nan=False)] * 2)))
    y = sorted(draw(st.tuples(*[st.floats(-90, 90, allow_nan=False)] * 2)))
    return (x[0], y[0], x[1], y[1])


MOMENTS = st.integers(-(5 << 40), 7 << 40).map(
    lambda thousandths: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=thousandths)
)


@st.composite
def intervals(draw: st.DrawFn) -> tuple[datetime | None, datetime | None]:
    start = draw(st.none() | MOMENTS)
    if start is None:
        return (None, draw(st.none() | MOMENTS))
    later = start + timedelta(days=draw(st.integers(0, 9999)))
    return (start, draw(st.sampled_from([None, later])))


FIELDS = st.lists(
    st.builds(
        FieldMeaning,
        LINES,
        st.sampled_from(["string", "integer", "number", "datetime"]),
        meaning=st.none() | texts(),
        unit=st.sampled_from(["", "m", "°C"]),
        sensitivity=st.sampled_from(Sensitivity),
        person=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda field: field.name,
).map(tuple)

DISTRIBUTIONS = st.lists(
    st.builds(
        Distribution,
        URLS,
        title=st.none() | texts(),
        format=FORMS,
        media_type=st.sampled_from(["text/csv", "application/json"]),
        bytes=st.none() | st.integers(0, 1 << 50),
        api=st.booleans(),
        checksum=st.sampled_from(["", "sha256:" + "ab" * 32]),
    ),
    max_size=3,
    unique_by=lambda one: one.url,
).map(tuple)

EMAILS = st.sampled_from(["", "a@example.org", "data+open@example.cn"])
CONTACTS = st.builds(
    Contact, LINES, email=EMAILS, phone=st.sampled_from(["", "+86 10 1234"]), url=st.just("") | URLS
)
ATTRIBUTES = st.dictionaries(
    PLAIN, st.one_of(st.integers(-(1 << 50), 1 << 50), WORDS, st.booleans()), max_size=3
)
ENTRIES = st.builds(
    Entry,
    identifier=st.builds("id-{}".format, PLAIN),
    title=texts(),
    kind=st.sampled_from(Kind),
    uri=st.just("") | URLS,
    other_identifiers=st.lists(LINES, max_size=2, unique=True).map(tuple),
    abstract=st.none() | texts(),
    keywords=st.lists(WORDS, max_size=4, unique=True).map(tuple),
    themes=st.lists(st.sampled_from(list(THEMES)), max_size=3, unique=True).map(tuple),
    foreign_themes=st.lists(
        st.sampled_from(["forests", "绿化/树", "http://eurovoc.europa.eu/2"]), unique=True
    ).map(tuple),
    licence=st.sampled_from(["", *LICENCES, "https://example.org/terms", "as agreed"]),
    access=st.none() | st.sampled_from(Access),
    grade=st.none() | st.sampled_from(Grade),
    update_cycle=st.none() | st.sampled_from(UpdateCycle),
    bbox=st.none() | boxes(),
    interval=intervals(),
    fields=FIELDS,
    formats=st.lists(FORMS, min_size=1, max_size=3, unique=True).map(tuple),
    lineage=st.lists(URLS, max_size=2, unique=True).map(tuple),
    provenance=st.none() | texts(),
    contact=st.none() | CONTACTS,
    publisher=st.none() | st.builds(Publisher, texts(), identifier=PLAIN, url=st.just("") | URLS),
    issued=st.none() | MOMENTS,
    modified=st.none() | MOMENTS,
    version=st.sampled_from(["", "1", "2026-01"]),
    attribution=st.just("") | LINES,
    landing_page=st.just("") | URLS,
    policy=st.just("") | URLS,
    language=st.lists(st.sampled_from(["zh", "en", "fi", "ug"]), max_size=2, unique=True).map(
        tuple
    ),
    distributions=DISTRIBUTIONS,
    attributes=ATTRIBUTES,
)
