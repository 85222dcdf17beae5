"""Everything that can be named is documented."""

import re
from pathlib import Path

import quanyu.agreements
from quanyu.agreements import RULES, rules_document, terms_document

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_is_what_the_tables_say() -> None:
    folder = ROOT / "docs" / "reference"
    assert (folder / "rules.md").read_text(encoding="utf-8") == rules_document()
    assert (folder / "policy-terms.md").read_text(encoding="utf-8") == terms_document()


def test_every_rule_named_in_the_source_is_documented() -> None:
    source = Path(quanyu.agreements.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in source.glob("*.py"))
    named = set(re.findall(r'rule="([a-z.]+)"', text))
    named |= set(re.findall(r'refused\(\s*"([a-z.]+)"', text))
    assert named
    assert named <= set(RULES)
