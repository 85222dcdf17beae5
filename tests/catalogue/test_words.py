"""Texts into words: what is found by what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quanyu.catalogue.finding.question import read_question
from quanyu.catalogue.finding.words import index_words


def found(question: str, text: str) -> bool:
    """Whether the index's words satisfy the question, as both databases must decide."""
    words = set(index_words(text))
    return any(
        all(any(words.issuperset(form.words) for form in term.forms) for term in terms)
        for terms in read_question(question)
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("交通", "城市交通运输"),
        ("运", "城市交通运输"),
        ("交通运输", "城市交通运输数据"),
        ("公交 站点", "公交车的站点"),
        ("5G基站", "全市5g基站分布"),
        ("ＢＵＳ", "bus"),
        ("Buildings", "A building"),
        ("build", "Buildings"),
        ("cities", "city"),
        ("toolo", "Töölö"),
        ("Töölö", "TOOLO"),
        ("the stops of buses", "Bus stop"),
        ("tram, metro", "Metro lines"),
        ("地铁、公交", "公交线路"),
        ("building_height", "building height"),
        ("the", "the"),
        ("2026", "Census 2026"),
    ],
)
def test_found(question: str, text: str) -> None:
    assert found(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("通城", "城市交通"),
        ("公交 地铁", "公交线路"),
        ("bus", "business"[3:]),
        ("tree", "street"),
        ("", "anything"),
        ("!?'\"*:&|()", "anything"),
    ],
)
def test_not_found(question: str, text: str) -> None:
    assert not found(question, text)


@given(st.text(max_size=60))
def test_words_hold_nothing_that_a_query_language_could_read(text: str) -> None:
    forms = [
        word
        for terms in read_question(text)
        for term in terms
        for f in term.forms
        for word in f.words
    ]
    assert all(word.isalnum() for word in [*index_words(text), *forms])


@given(st.text("城市交通公共数据", min_size=1, max_size=8), st.text(max_size=20))
def test_a_part_of_a_chinese_text_finds_it(part: str, rest: str) -> None:
    assert found(part, f"{rest}{part}{rest}")
