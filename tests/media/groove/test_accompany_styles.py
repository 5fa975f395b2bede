from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.media.groove.comps import COMPS
from backline.media.groove.drums import KITS
from backline.media.groove.fills import FILLS
from backline.media.groove.lines import LINES
from backline.media.groove.patterns import PATTERNS
from backline.media.groove.style_table import GENRES, MOOD_SYNONYMS, MOODS, PLAIN, SYNONYMS
from backline.media.groove.style_words import read_style
from backline.media.groove.styles import Style, Traits, Weighted, blended
from backline.media.groove.tones import BASSES, CHORDS


def only(words: str) -> Style:
    (part,) = read_style(words)
    assert part.share == 1
    return part.style


def test_many_words_are_known() -> None:
    assert len(GENRES) >= 70
    assert len(GENRES) + len(SYNONYMS) + len(MOODS) + len(MOOD_SYNONYMS) > 400
    assert not (set(SYNONYMS) | set(GENRES)) & (set(MOODS) | set(MOOD_SYNONYMS))
    assert set(SYNONYMS.values()) <= set(GENRES)
    assert set(MOOD_SYNONYMS.values()) <= set(MOODS)


@pytest.mark.parametrize("style", GENRES.values(), ids=lambda style: style.name)
def test_what_a_style_names_is_there(style: Style) -> None:
    assert style.kit in KITS
    assert set(style.patterns) <= set(PATTERNS)
    assert set(style.lines) <= set(LINES)
    assert set(style.comps) <= set(COMPS)
    assert style.bass in BASSES
    assert style.chords in CHORDS
    assert style.fill in FILLS
    traits = style.traits
    plain = (traits.brightness, traits.energy, traits.density, traits.space, traits.pump)
    assert all(0 <= value <= 1 for value in plain)
    assert 0.5 <= traits.swing <= 0.67
    assert 0.5 <= traits.shuffle <= 0.62


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("acid house", "acid house"), ("Acid-House", "acid house"), ("dub techno", "dub techno"),
        ("lo-fi hip hop", "lo-fi hip hop"), ("LOFI", "lo-fi hip hop"), ("drum and bass", "drum and bass"),
        ("Drum & Bass", "drum and bass"), ("drum'n'bass", "drum and bass"), ("d'n'b", "drum and bass"),
        ("bossa nova", "bossa nova"), ("afrobeat", "afrobeat"), ("afrobeats", "afrobeats"), ("ambient", "ambient"),
        ("trap", "trap"), ("funk", "funk"), ("reggaeton", "reggaeton"), ("waltz", "waltz"), ("metal", "metal"),
        ("jazz", "jazz"), ("salsa", "salsa"), ("synthwave", "synthwave"), ("R&B", "r&b"), ("k-pop", "pop"),
        ("some jazz please", "jazz"), ("tehcno", "techno"), ("synthwav", "synthwave"), ("jaz", "jazz"),
    ],
)  # fmt: skip
def test_words_name_their_style(words: str, name: str) -> None:
    assert only(words).name == name


def test_moods_colour_what_is_named() -> None:
    plain, coloured = only("acid house"), only("warm, spacious acid house with piano")
    assert coloured.name == plain.name
    assert coloured.chords == "piano"
    assert coloured.traits.brightness < plain.traits.brightness
    assert coloured.traits.space > plain.traits.space
    assert only("dark").name == PLAIN
    assert only("dark").traits.brightness < only("bright").traits.brightness
    assert only("minimal").traits.density < only("busy").traits.density
    assert only("drumless funk").patterns == ("none",)


def test_several_genres_are_played_in_equal_parts() -> None:
    mix = read_style("jazz techno")
    assert [(part.style.name, part.share) for part in mix] == [("jazz", 0.5), ("techno", 0.5)]


def test_words_that_nobody_knows_are_always_the_same_style() -> None:
    unknown = [only(words).name for words in ("qqqzzz", "wxyzzy", "kjhgfd", "vvvvvv", "zqzqzq")]
    assert unknown == [only(words).name for words in ("qqqzzz", "wxyzzy", "kjhgfd", "vvvvvv", "zqzqzq")]
    assert len(set(unknown)) > 1


@given(st.text(max_size=200))
def test_any_words_are_some_style(words: str) -> None:
    mix = read_style(words)
    assert sum(part.share for part in mix) == pytest.approx(1)
    assert all(part.share > 0 for part in mix)


def test_traits_of_a_mixture_lie_between() -> None:
    first, last = GENRES["ambient"], GENRES["metal"]
    energies = [
        blended([Weighted(first, 1 - share), Weighted(last, share)]).energy for share in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert energies == sorted(energies)
    assert energies[0] == first.traits.energy
    assert energies[-1] == last.traits.energy
    assert blended([Weighted(first, 1.0)]) == first.traits
    assert Traits() == Traits(swing=0.5)
