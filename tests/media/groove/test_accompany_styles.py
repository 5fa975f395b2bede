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
from backline.media.groove.style_words import mixed, read
from backline.media.groove.styles import Style, Traits, Weighted, blended
from backline.media.groove.tones import BASSES, CHORDS


def only(words: str) -> Style:
    (part,) = styles_of((words, 1.0))
    assert part.share == 1
    return part.style


def styles_of(*words: tuple[str, float]) -> tuple[Weighted, ...]:
    return mixed([(read(one), weight) for one, weight in words])


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
    mix = styles_of(("jazz techno", 3.0))
    assert [(part.style.name, part.share) for part in mix] == [("jazz", 0.5), ("techno", 0.5)]


def test_words_that_nobody_knows_are_always_the_same_style() -> None:
    unknown = [only(words).name for words in ("qqqzzz", "wxyzzy", "kjhgfd", "vvvvvv", "zqzqzq")]
    assert unknown == [only(words).name for words in ("qqqzzz", "wxyzzy", "kjhgfd", "vvvvvv", "zqzqzq")]
    assert len(set(unknown)) > 1


@given(st.text(max_size=200))
def test_any_words_are_some_style(words: str) -> None:
    mix = styles_of((words, 0.3))
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


def test_moods_on_their_own_colour_the_other_styles() -> None:
    plain, dark = only("acid house"), only("dark acid house")
    (half,) = styles_of(("acid house", 1.0), ("dark", 0.5))
    (whole,) = styles_of(("dark", 2.0), ("acid house", 1.0))
    assert half.style.name == "acid house"
    assert half.share == 1
    assert dark.traits.brightness < half.style.traits.brightness < plain.traits.brightness
    assert whole.style == dark
    (faint,) = styles_of(("acid house", 1.0), ("piano", 0.2))
    (strong,) = styles_of(("acid house", 1.0), ("piano", 0.8))
    assert (faint.style.chords, strong.style.chords) == ("stab", "piano")


def test_the_order_of_styles_changes_nothing() -> None:
    words = [("dark jazz", 0.2), ("jazz", 0.5), ("techno", 0.3), ("warm", 0.1), ("busy", 0.4)]
    assert styles_of(*words) == styles_of(*words[::-1])
    assert sum(part.share for part in styles_of(*words)) == pytest.approx(1)
