"""A jam from its start to its end, as a client plays it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from backline.engines.jam.host import JamHost
from backline.engines.jam.orders import JamChange, JamOptions
from backline.errors import BacklineError, Conflict, Failed, Invalid, NotFound
from backline.media.audio import Samples
from backline.media.decode import decode
from backline.media.loudness import integrated_lufs
from tests.engines.jam.players import (
    FAST,
    ID,
    SHORT,
    Hands,
    Watched,
    exact,
    hosting,
    jamming,
    loop_file,
    sound,
    take,
    the_rest,
    until,
    wav,
)


async def made(host: JamHost) -> int | None:
    return (await host.peek(ID)).last_made_index


async def test_chunks_come_one_after_the_other_and_join() -> None:
    async with jamming() as host:
        chunks = await take(host, 5)
    assert [chunk.index for chunk in chunks] == [0, 1, 2, 3, 4]
    assert [chunk.metadata.first_bar for chunk in chunks] == [0, 2, 4, 6, 8]
    for before, after in pairwise(chunks):
        assert after.metadata.start_sample == before.metadata.start_sample + before.metadata.total_samples


async def test_the_rate_is_the_loops_own_or_the_one_that_was_asked_for() -> None:
    for target, found in ((None, 44_100), (22_050, 22_050)):
        async with hosting() as host:
            await host.warm_up(ID)
            await host.start(ID, loop_file(44_100), replace(SHORT, target_sample_rate=target))
            (chunk,) = await take(host, 1)
            assert chunk.metadata.sample_rate == found


async def test_the_seed_is_made_from_the_id_or_the_one_that_was_asked_for() -> None:
    engine = Watched()
    async with hosting(lambda: engine) as host:
        for session_id, seed in (("a", None), ("b", None), ("c", 17)):
            await host.warm_up(session_id)
            await host.start(session_id, loop_file(), replace(SHORT, seed=seed))
        seeds = [(await take(host, 1, session_id))[0].metadata.seed for session_id in "abc"]
    assert seeds[2] == 17
    assert seeds[0] != seeds[1]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert [int(seed) for _, _, seed in engine.told] == [int(float(seed)) for seed in seeds]


async def test_one_chunk_beyond_the_next_is_made_and_no_more() -> None:
    async with jamming() as host:
        await asyncio.sleep(0.3)
        assert await made(host) == 1
        await host.next(ID, 20)
        await asyncio.sleep(0.3)
        assert await made(host) == 2


async def test_consuming_what_was_not_fetched_makes_room_too() -> None:
    async with jamming() as host:
        await asyncio.sleep(0.2)
        await host.consume(ID, 1)
        await asyncio.sleep(0.2)
        assert await made(host) == 3
        chunk = await host.next(ID, 20)
        assert chunk is not None
        assert chunk.index == 2


@pytest.mark.slow
async def test_nobody_is_a_minute_ahead_of_the_time() -> None:
    clock = Hands()
    options = JamOptions(bpm=120, bars_per_chunk=8)  # a chunk of 16 s
    async with jamming(options, clock=clock) as host:
        await take(host, 3)
        assert await host.next(ID, 0.3) is None
        clock.now += 3.9
        assert await host.next(ID, 1.5) is None
        clock.now += 0.1
        (chunk,) = await take(host, 1)
        assert chunk.index == 3


async def test_a_chunk_that_is_not_there_in_time_is_none_and_comes_later() -> None:
    engine = Watched()
    engine.gate.clear()
    async with jamming(engine=lambda: engine) as host:
        assert await host.next(ID, 0) is None
        assert await host.next(ID, 0.05) is None
        engine.gate.set()
        chunk = await host.next(ID, 20)
        assert chunk is not None
        assert chunk.index == 0


async def test_a_chunk_that_is_there_is_given_without_waiting_whatever_its_format() -> None:
    async with jamming() as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        assert await host.next(ID, 0, "flac") is not None
        assert await host.next(ID, 0, "opus") is not None


async def test_a_lost_chunk_is_given_again_by_its_index_until_it_is_consumed() -> None:
    async with jamming() as host:
        first = [await host.next(ID, 20) for _ in range(3)]
        again = [await host.next(ID, 20, index=index) for index in (2, 0, 1)]
        assert [first[2], first[0], first[1]] == again
        following = await host.next(ID, 20)
        assert following is not None
        assert following.index == 3
        await host.consume(ID, 1)
        assert await host.next(ID, 20, index=2) == first[2]
        with pytest.raises(NotFound) as gone:
            await host.next(ID, 20, index=1)
        assert gone.value.code == "chunk_gone"


async def test_who_never_consumes_can_go_back_four_chunks() -> None:
    async with jamming() as host:
        for _ in range(9):
            await host.next(ID, 20)
        status = await host.status(ID)
        assert (status.last_delivered_index, status.last_consumed_index) == (8, None)
        assert await host.next(ID, 20, index=5) is not None
        with pytest.raises(NotFound):
            await host.next(ID, 20, index=4)


async def test_the_next_one_may_be_asked_for_by_its_index() -> None:
    async with jamming() as host:
        for index in range(4):
            chunk = await host.next(ID, 20, index=index)
            assert chunk is not None
            assert chunk.index == index
        assert await host.next(ID, 0.05, index=99) is None


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda host: host.consume(ID, 99), "chunk_not_made"),
        (lambda host: host.consume(ID, -1), "out_of_range"),
        (lambda host: host.next(ID, 1, index=-1), "out_of_range"),
        (lambda host: host.next(ID, float("nan")), "out_of_range"),
        (lambda host: host.next(ID, -1), "out_of_range"),
        (lambda host: host.update(ID, JamChange(temperature=9.0)), "out_of_range"),
        (lambda host: host.update(ID, JamChange(style_weights=(1.0,))), "out_of_range"),
        (lambda host: host.reseed_splice(ID, None, -1), "out_of_range"),
        (lambda host: host.reseed(ID, b"no sound"), "undecodable_audio"),
        (lambda host: host.reseed_splice(ID, b"", 2), "empty_file"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_the_jam_plays_on(
    call: Callable[[JamHost], Awaitable[object]], code: str
) -> None:
    async with jamming() as host:
        with pytest.raises(Invalid) as refused:
            await call(host)
        assert refused.value.code == code
        assert len(await take(host, 3)) == 3


async def test_before_a_jam_there_is_none() -> None:
    async with hosting() as host:
        await host.warm_up(ID)
        calls: list[Awaitable[object]] = [
            host.next(ID, 1),
            host.consume(ID, 0),
            host.update(ID, JamChange(temperature=1.0)),
            host.reseed(ID, None),
            host.reseed_splice(ID, None, 1),
            host.stop(ID),
        ]
        for call in calls:
            with pytest.raises(Conflict) as refused:
                await call
            assert refused.value.code == "no_active_jam"


@pytest.mark.parametrize(
    ("loop", "options", "code"),
    [
        (b"", SHORT, "empty_file"),
        (b"a text called loop.wav", SHORT, "undecodable_audio"),
        (loop_file(), replace(SHORT, bpm=10), "out_of_range"),
        (loop_file(), JamOptions(bpm=30, bars_per_chunk=5), "chunk_too_long"),
    ],
)
async def test_a_start_that_is_refused_leaves_the_session_as_it_was(
    loop: bytes, options: JamOptions, code: str
) -> None:
    async with hosting() as host:
        await host.warm_up(ID)
        with pytest.raises(Invalid) as refused:
            await host.start(ID, loop, options)
        assert refused.value.code == code
        await host.start(ID, loop_file(), SHORT)
        assert await host.next(ID, 20) is not None


async def test_stop_ends_at_the_next_bar_line_with_a_short_chunk() -> None:
    engine = Watched()
    async with jamming(replace(SHORT, bars_per_chunk=4), lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        engine.gate.clear()
        await host.next(ID, 20)
        await until(lambda: engine.at_once == 1)
        await host.stop(ID)
        assert (await host.status(ID)).jam_running
        engine.gate.set()
        rest = await the_rest(host)
        assert [(chunk.index, chunk.metadata.bars, chunk.metadata.last) for chunk in rest] == [
            (1, 4, False),
            (2, 1, True),
        ]
        assert len(exact(rest[-1])) == rest[-1].metadata.total_samples == 9600
        status = await host.status(ID)
        assert (status.jam_running, status.ended, status.billing_state) == (False, True, "active")


async def test_stop_between_two_chunks_marks_the_newest_as_the_last() -> None:
    async with jamming() as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        await host.stop(ID)
        await host.stop(ID)
        rest = await the_rest(host)
        assert [(chunk.index, chunk.metadata.last) for chunk in rest] == [(0, False), (1, True)]
        assert await host.next(ID, 20) is None
        assert await host.next(ID, 20, index=0) == rest[0]
        await host.stop(ID)


async def test_after_a_stop_another_jam_goes_on_counting() -> None:
    async with jamming() as host:
        await take(host, 2)
        await host.stop(ID)
        await host.start(ID, loop_file(44_100), SHORT)
        chunks = await take(host, 2)
        assert chunks[0].index >= 3
        assert chunks[1].index == chunks[0].index + 1
        assert (chunks[0].metadata.first_bar, chunks[0].metadata.start_sample) == (0, 0)
        assert chunks[0].metadata.sample_rate == 44_100
        status = await host.status(ID)
        assert (status.jam_running, status.ended) == (True, False)
        with pytest.raises(NotFound):
            await host.next(ID, 20, index=1)


async def test_a_player_that_breaks_is_told_after_what_it_made_and_the_session_lives() -> None:
    engine = Watched(broken_from_bar=4)
    async with jamming(engine=lambda: engine) as host:
        assert [chunk.index for chunk in await take(host, 2)] == [0, 1]
        for _ in range(2):
            with pytest.raises(Failed) as failed:
                await host.next(ID, 20)
            assert failed.value.code == "engine_failed"
            assert "device" not in failed.value.detail
        with pytest.raises(BacklineError):
            await host.update(ID, JamChange(temperature=1.0))
        status = await host.status(ID)
        assert (status.jam_running, status.ended, status.billing_state) == (False, False, "active")
        engine.broken_from_bar = None
        await host.start(ID, loop_file(), SHORT)
        assert (await take(host, 1))[0].index == 2
        assert (await host.close(ID, "done")).billing_state == "closed"


async def test_an_update_changes_what_it_names_and_nothing_else() -> None:
    engine = Watched()
    options = replace(SHORT, styles=("dub", "jazz"), style_weights=(3.0,), guidance_weight=2.0, topk=9)
    async with jamming(options, lambda: engine) as host:
        await take(host, 1)
        first = engine.controls[0]
        assert (first.guidance_weight, first.temperature, first.topk, first.loop_weight) == (2.0, 1.1, 9, 1.0)
        assert {style.words: style.share for style in first.styles} == pytest.approx({"dub": 0.6, "jazz": 0.2})
        assert first.loop_share == pytest.approx(0.2)
        await host.update(ID, JamChange(temperature=1.3, guidance_weight=1.5))
        await take(host, 4)
        last = engine.controls[-1]
        assert last == replace(first, temperature=1.3, guidance_weight=1.5)


async def test_an_update_is_heard_in_the_next_bar_that_is_made_and_styles_glide() -> None:
    engine = Watched()
    bars = JamOptions(bpm=240, beats_per_bar=4, bars_per_chunk=1, styles=("dub",), loop_weight=0.0)  # of 1 s
    async with jamming(bars, lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        await host.update(ID, JamChange(styles=("jazz",)))
        await take(host, 11)
        shares = [{style.words: style.share for style in controls.styles} for controls in engine.controls]
    assert shares[:2] == [{"dub": 1.0}] * 2
    glide = [(bar + 0.5) / 8 for bar in range(8)]
    assert [found["jazz"] for found in shares[2:10]] == pytest.approx(glide)
    assert [found["dub"] for found in shares[2:10]] == pytest.approx([1 - share for share in glide])
    assert shares[10] == {"jazz": 1.0}


async def test_weights_and_words_are_updated_apart_and_styles_can_be_cleared() -> None:
    engine, clock = Watched(), Hands()
    bars = JamOptions(bpm=300, beats_per_bar=16, bars_per_chunk=4, styles=("dub", "jazz"), style_weights=(1.0, 3.0))
    async with jamming(bars, lambda: engine, clock=clock, rules=replace(FAST, idle_seconds=3600)) as host:

        async def after(change: JamChange) -> dict[str | None, float]:
            clock.now += 60
            await host.update(ID, change)
            await take(host, 3)
            controls = engine.controls[-1]
            return {**{style.words: round(style.share, 6) for style in controls.styles}, None: controls.loop_share}

        assert await after(JamChange(style_weights=(2.0,))) == {"dub": 0.333333, "jazz": 0.5, None: 1 / 6}
        assert await after(JamChange(loop_weight=0.0)) == {"dub": 0.4, "jazz": 0.6, None: 0.0}
        assert await after(JamChange(styles=("salsa",))) == {"salsa": 1.0, None: 0.0}
        assert await after(JamChange(clear_styles=True)) == {None: 1.0}
        with pytest.raises(Invalid):
            await host.update(ID, JamChange(style_weights=(1.0,)))
        assert await after(JamChange(clear_styles=True, styles=("trap",), loop_weight=1.0)) == {"trap": 0.5, None: 0.5}


async def test_a_reseed_is_heard_in_the_next_bar_and_a_splice_in_the_next_chunk() -> None:
    engine = Watched()
    async with jamming(replace(SHORT, bars_per_chunk=4), lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        engine.gate.clear()
        await host.next(ID, 20)
        await until(lambda: engine.at_once == 1)  # the first bar of chunk 2 is under way
        orders = asyncio.gather(host.reseed(ID, loop_file(bars=2)), host.reseed_splice(ID, loop_file(bars=3), 0.5))
        await asyncio.sleep(0.3)
        assert [name for name, _, _ in engine.told] == ["begin"]
        engine.gate.set()
        await orders
        assert engine.told[1] == ("reseed", 192_000, 0.0)
        await take(host, 4)
        assert engine.told[2:] == [("splice", 288_000, 1.0)]
    begun, reseeded, spliced = engine.told_at
    assert (begun, spliced) == (0, 12)
    assert 9 <= reseeded < 12  # with the next bar that was asked for after it was heard
    assert engine.most_at_once == 1


async def test_of_several_splices_before_a_chunk_the_newest_is_meant() -> None:
    engine = Watched()
    async with jamming(engine=lambda: engine) as host:
        await until(lambda: host.peeked(ID).last_made_index == 1)
        for bars in (1, 2, 3):
            await host.reseed_splice(ID, loop_file(bars=bars), 4.0)
        await take(host, 3)
    assert engine.told[1:] == [("splice", 288_000, 4.0)]


async def test_without_a_loop_it_goes_on_from_what_it_played_last() -> None:
    engine = Watched()
    bars = JamOptions(bpm=120, bars_per_chunk=2)  # bars of 2 s
    async with jamming(bars, lambda: engine) as host:
        await take(host, 6)
        await host.reseed(ID, None)
        await host.reseed_splice(ID, None, 2.0)
        await take(host, 3)
    assert engine.told[1:] == [("reseed", 16 * 48_000, 0.0), ("splice", 16 * 48_000, 2.0)]


async def test_before_anything_was_played_there_is_nothing_to_go_on_from() -> None:
    engine = Watched()
    engine.gate.clear()
    async with jamming(engine=lambda: engine) as host:
        orders = [asyncio.create_task(host.reseed_splice(ID, None, 2.0)), asyncio.create_task(host.reseed(ID, None))]
        await asyncio.sleep(0.05)
        engine.broken_from_bar = 0
        engine.gate.set()
        for order in orders:
            with pytest.raises(Conflict) as refused:
                await order
            assert refused.value.code == "nothing_to_reseed_from"


async def test_the_music_is_as_loud_as_the_loop_and_another_loop_brings_its_own_loudness() -> None:
    quiet = decode(loop_file())[0] * np.float32(0.1)
    bars = JamOptions(bpm=240, bars_per_chunk=1)  # of 1 s
    async with jamming(bars, clock=Hands()) as host:
        loud = sound(*(await take(host, 12))[-6:])
        await host.reseed(ID, wav(quiet))
        after = sound(*(await take(host, 40))[-6:])
    assert lufs(loud) == pytest.approx(lufs(decode(loop_file())[0]), abs=1)
    assert lufs(after) == pytest.approx(lufs(quiet), abs=1)


def lufs(samples: Samples) -> float:
    found = integrated_lufs(samples, 48_000)
    assert found is not None
    return found
