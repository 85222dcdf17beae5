"""How Chinese words are spelt in Latin letters: in full, and by their initials."""

from functools import lru_cache


@lru_cache(maxsize=20_000)
def spelling(word: str) -> tuple[str, str]:
    """Full pinyin without tones and blanks, and its initials: 公交车站 → gongjiaochezhan, gjcz."""
    import pypinyin  # its tables take a while to load

    syllables = pypinyin.lazy_pinyin(word, errors="ignore")
    return "".join(syllables), "".join(syllable[0] for syllable in syllables if syllable)
