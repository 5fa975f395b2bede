from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from backline.errors import Invalid
from backline.media.audio import Samples, mono, silence
from backline.media.splice import Joiner, MismatchedAudio, splice
from tests.media.signals import murmur, sine

RATE_HZ = 24000
OVERLAP = 1200


def _click(sound: Samples, joint: int) -> float:
    """Largest step between neighbours near the joint, as a multiple of the largest elsewhere."""
    steps = np.abs(np.diff(sound[:, 0]))
    near = slice(max(0, joint - 50), joint + OVERLAP + 50)
    return float(steps[near].max() / np.delete(steps, np.arange(len(steps))[near]).max())


def _treble_db(sound: Samples, joint: int) -> float:
    """Energy above 6 kHz in the 20 ms around the loudest place near the joint, against the middle of both sides."""

    def treble(centre: int) -> float:
        window = sound[centre - 240 : centre + 240, 0] * np.hanning(480)
        spectrum = np.abs(np.fft.rfft(window)) ** 2
        return float(spectrum[120:].sum())

    near = max(treble(centre) for centre in range(joint, joint + OVERLAP, 60))
    return 10 * math.log10((near + 1e-12) / (max(treble(joint // 2), treble(joint + OVERLAP + 6000)) + 1e-12))


def _units() -> tuple[Samples, Samples]:
    """Two tones over a faint hiss that do not meet: one ends near its crest, the other has another pitch."""
    hiss = np.random.default_rng(3).standard_normal((2, RATE_HZ // 2 + 27, 1)).astype(np.float32) * 0.002
    tail = sine(220, RATE_HZ // 2 + 27, RATE_HZ) + hiss[0]
    return tail, hiss[1, 27:] - sine(331, RATE_HZ // 2, RATE_HZ)


def test_a_joint_is_no_louder_in_the_treble_than_the_sound_around_it() -> None:
    tail, head = _units()
    faded = splice(tail, head, OVERLAP)
    joint = len(tail) - OVERLAP
    assert _click(faded, joint) < 1.5
    assert _treble_db(faded, joint) < 3


def test_a_hard_cut_fails_the_same_measures() -> None:
    tail, head = _units()
    hard = splice(tail, head, 0)
    joint = len(tail) - OVERLAP
    assert _click(hard, joint) > 1.5
    assert _treble_db(hard, joint) > 10


def test_loudness_does_not_dip_where_unlike_sounds_meet() -> None:
    tail, head = murmur(RATE_HZ, seed=1), murmur(RATE_HZ, seed=2)
    joined = splice(tail, head, RATE_HZ // 2)
    middle = joined[RATE_HZ // 2 : RATE_HZ]
    assert 0.9 < np.sqrt((middle**2).mean() / (tail**2).mean()) < 1.1


def test_a_splice_has_the_length_it_promises_and_keeps_both_outer_parts() -> None:
    tail, head = murmur(900, 2), murmur(700, 2, seed=2)
    joined = splice(tail, head, 200)
    assert joined.shape == (1400, 2)
    assert joined.dtype == np.float32
    assert np.array_equal(joined[:700], tail[:700])
    assert np.array_equal(joined[900:], head[200:])


@pytest.mark.parametrize(
    ("tail", "head", "overlap_frames"),
    [
        (silence(10), silence(10, 2), 5),
        (silence(4), silence(10), 5),
        (silence(10), silence(4), 5),
        (silence(9), silence(9), -1),
    ],
)
def test_blocks_that_do_not_fit_are_refused(tail: Samples, head: Samples, overlap_frames: int) -> None:
    with pytest.raises(MismatchedAudio) as caught:
        splice(tail, head, overlap_frames)
    assert isinstance(caught.value, Invalid)


def _joined(joiner: Joiner, units: list[Samples]) -> tuple[Samples, list[float]]:
    made, begins = [], []
    for number, unit in enumerate(units):
        begins.append(joiner.next_unit(last=number == len(units) - 1))
        made += [joiner.push(unit[: len(unit) // 3]), joiner.push(unit[len(unit) // 3 :])]
    return np.concatenate([*made, joiner.finish()]), begins


def test_units_are_joined_by_the_same_splice() -> None:
    units = [murmur(3000, seed=seed) for seed in range(3)]
    joined, begins = _joined(Joiner(RATE_HZ), units)
    expected = splice(splice(units[0], units[1], OVERLAP), units[2], OVERLAP)
    assert np.allclose(joined, expected)
    assert begins == [0.0, 1800 / RATE_HZ, 3600 / RATE_HZ]


def test_a_joint_between_sentences_does_not_click() -> None:
    tail, head = _units()
    joined, begins = _joined(Joiner(RATE_HZ), [tail, head])
    assert _click(joined, round(begins[1] * RATE_HZ)) < 1.5


def test_a_pulse_at_the_start_of_a_unit_stands_where_it_was_announced() -> None:
    unit = silence(2000)
    unit[OVERLAP] = 1.0  # just past the fade
    joined, begins = _joined(Joiner(RATE_HZ), [murmur(2000) * 0.1, unit])
    assert abs(joined[:, 0]).argmax() == round(begins[1] * RATE_HZ) + OVERLAP


def test_only_the_overlap_is_held_and_only_while_something_follows() -> None:
    joiner = Joiner(RATE_HZ)
    joiner.next_unit(last=False)
    assert len(joiner.push(murmur(5000))) == 5000 - OVERLAP
    assert len(joiner.push(murmur(480))) == 480
    joiner.next_unit(last=True)
    assert len(joiner.push(murmur(OVERLAP))) == OVERLAP
    assert len(joiner.push(murmur(480))) == 480
    assert len(joiner.finish()) == 0


def test_a_single_unit_passes_at_once_and_unchanged() -> None:
    joiner = Joiner(RATE_HZ)
    assert joiner.next_unit(last=True) == 0.0
    sound = murmur(100)
    assert np.array_equal(joiner.push(sound), sound)


@pytest.mark.parametrize("lengths", [[5, 3000, 7], [3000, 10, 3000], [1, 1, 1], [0, 0, 4], [3000, 0, 3000], [0]])
def test_short_units_shorten_the_overlap_and_lose_nothing(lengths: list[int]) -> None:
    units = [murmur(length, seed=length) for length in lengths]
    joined, _ = _joined(Joiner(RATE_HZ), units)
    spoken = [length for length in lengths if length]
    overlaps = [min(OVERLAP, one, other) for one, other in pairwise(spoken)]
    assert len(joined) == sum(spoken) - sum(overlaps)


def test_a_short_last_unit_is_spliced_over_its_own_length() -> None:
    long, short = murmur(3000, seed=1), murmur(300, seed=2)
    joined, _ = _joined(Joiner(RATE_HZ), [long, short])
    assert np.allclose(joined, splice(long, short, 300))


def test_stereo_is_joined_channel_by_channel() -> None:
    units = [murmur(3000, 2, seed=seed) for seed in range(2)]
    joined, _ = _joined(Joiner(RATE_HZ, channels=2), units)
    left, _ = _joined(Joiner(RATE_HZ), [mono(unit[:, 0]) for unit in units])
    assert np.allclose(joined[:, :1], left)


def test_a_stream_that_ends_early_still_gives_what_was_held() -> None:
    joiner = Joiner(RATE_HZ)
    joiner.next_unit(last=False)
    sound = murmur(2000)
    assert np.array_equal(np.concatenate([joiner.push(sound), joiner.finish()]), sound)
