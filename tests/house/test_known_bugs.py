"""The known bugs of other speech servers (research/speech.md, D3), each with the test that shows it absent here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOUND = "tests/speech/test_generate_sound.py"
STREAMING = "tests/speech/test_generate_streaming.py"
FAILURES = "tests/speech/test_generate_failures.py"
LEAVING = "tests/speech/test_generate_leaving.py"
LONG = "tests/speech/test_generate_long.py"

KNOWN_BUGS = {
    "the first chunk is as large as the others, so the first sound waits": [
        f"{STREAMING}::test_bytes_leave_while_the_engine_is_still_at_work",
        f"{STREAMING}::test_the_first_sound_does_not_wait_for_the_first_sentence",
    ],
    "a click where two sentences or two decoder windows meet": [
        f"{STREAMING}::test_a_joint_of_two_sentences_makes_no_click",
        "tests/media/test_splice.py::test_a_joint_is_no_louder_in_the_treble_than_the_sound_around_it",
    ],
    "a WAV header in front of every chunk": [f"{SOUND}::test_a_streamed_wav_has_one_header_that_says_until_the_end"],
    "an encoder made anew for every chunk": [f"{SOUND}::test_one_encoder_lives_as_long_as_the_stream"],
    "every block resampled by itself, with seams and aliasing": [
        "tests/media/test_resample.py::test_blocks_of_any_length_give_the_same_sound",
        "tests/media/test_resample.py::test_what_the_lower_rate_cannot_hold_is_removed_and_not_folded_back",
        f"{SOUND}::test_every_rate_that_a_format_has_can_be_had",
    ],
    "generation goes on after the client has left": [f"{LEAVING}::test_leaving_in_the_middle_stops_the_engine"],
    "a departure before the first byte is not noticed": [
        f"{LEAVING}::test_leaving_before_the_first_sound_stops_the_engine"
    ],
    "an encoder process that nobody ends when the stream is closed": [
        "tests/media/test_encoders.py::test_thousands_of_encoders_leave_nothing_behind",
        "tests/compute/test_runner.py::test_no_process_is_left_behind",
    ],
    "the model runs on the event loop, and health checks wait for it": [
        f"{STREAMING}::test_health_is_answered_while_every_engine_is_busy"
    ],
    "memory grows with every request": [f"{LONG}::test_memory_is_flat_over_many_requests"],
    "a whole book is held in memory": [
        f"{LONG}::test_a_book_is_streamed_exactly_and_never_held_in_memory",
        f"{LONG}::test_a_book_answered_whole_is_not_held_in_memory_either",
    ],
    "temporary files are left behind": [f"{FAILURES}::test_nothing_is_left_of_large_answers"],
    "the tail of a file is lost": [
        f"{SOUND}::test_the_last_sound_of_the_text_is_there",
        "tests/media/test_encoders.py::test_a_click_in_the_last_ten_milliseconds_is_kept",
    ],
    "200, then silence": [
        f"{FAILURES}::test_a_failure_before_the_first_sound_is_a_proper_answer",
        "tests/speech/test_generate_refusals.py::test_a_text_with_nothing_to_say_is_never_a_200_with_silence",
    ],
    "a failure in the middle ends like a success": [f"{FAILURES}::test_a_failure_after_it_cuts_the_connection"],
    "WAV whatever format was asked for": [f"{SOUND}::test_every_format_is_the_engines_sound"],
    "only WAV is streamed": [f"{STREAMING}::test_bytes_leave_while_the_engine_is_still_at_work"],
    "a bad speed is found only inside of the stream": [
        "tests/speech/test_generate_refusals.py::test_a_bad_wish_is_refused_before_anything_is_spoken"
    ],
    "a sample is split between two chunks": [f"{SOUND}::test_samples_are_never_split_between_two_chunks"],
    "headers claim another rate than the sound has": [f"{SOUND}::test_every_rate_that_a_format_has_can_be_had"],
    "the second sentence is dropped now and then": [f"{SOUND}::test_every_sentence_is_spoken"],
    "short requests wait behind long ones": [f"{STREAMING}::test_who_has_heard_least_goes_first"],
    "two threads in one espeak kill the process": [f"{STREAMING}::test_fifty_streams_at_once_all_arrive_whole"],
    "a flood of digits takes quadratic time": [
        "tests/speech/text/test_sentences.py::test_cutting_any_flood_costs_the_same_for_each_character"
    ],
}


@pytest.mark.parametrize("bug", KNOWN_BUGS)
def test_each_known_bug_has_a_test_that_exists(bug: str) -> None:
    for name in KNOWN_BUGS[bug]:
        path, _, function = name.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert function in functions, name
