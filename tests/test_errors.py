"""The nine kinds of failure, and their way through another process."""

from __future__ import annotations

import json
import re

import pytest

from backline.errors import (
    BacklineError,
    Busy,
    Conflict,
    Denied,
    Failed,
    Invalid,
    NotFound,
    PaymentRequired,
    TooLarge,
    Unauthenticated,
    Unavailable,
    from_data,
)

KINDS = [
    Invalid,
    TooLarge,
    Unauthenticated,
    Denied,
    NotFound,
    Conflict,
    PaymentRequired,
    Busy,
    Unavailable,
    Failed,
]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)


def kinds_below(kind: type[BacklineError]) -> set[type[BacklineError]]:
    return {kind}.union(*(kinds_below(child) for child in kind.__subclasses__()))


def test_the_list_is_complete() -> None:
    ours = {kind for kind in kinds_below(BacklineError) if kind.__module__ == BacklineError.__module__}
    assert ours - {BacklineError} == set(KINDS)


@EVERY_KIND
def test_an_error_crosses_a_process_border_as_data(kind: type[BacklineError]) -> None:
    error = kind("The thing broke.", code="thing_broke", retryable=not kind.default_retryable)
    copy = from_data(json.loads(json.dumps(error.as_data())))
    assert type(copy) is kind
    assert (copy.detail, copy.code, copy.retryable) == ("The thing broke.", "thing_broke", not kind.default_retryable)
    assert str(copy) == "The thing broke."


@EVERY_KIND
def test_defaults_cross_too(kind: type[BacklineError]) -> None:
    copy = from_data(kind("No.").as_data())
    assert (copy.code, copy.retryable) == (kind.default_code, kind.default_retryable)
    assert re.fullmatch("[a-z_]+", copy.code)


def test_only_what_may_pass_by_itself_is_worth_repeating() -> None:
    assert {kind for kind in KINDS if kind("x").retryable} == {Busy, Unavailable}


@pytest.mark.parametrize(
    "data",
    [{}, {"kind": "unheard_of", "message": "x"}, {"kind": None, "code": None}, {"kind": ["invalid"], "retryable": 0}],
)
def test_what_is_not_understood_is_our_fault(data: dict[str, object]) -> None:
    error = from_data(data)
    assert type(error) is Failed
    assert error.code == "internal_error"
    assert error.detail
    assert error.retryable is False


def test_kinds_are_told_apart_by_name() -> None:
    assert len({kind.kind for kind in KINDS}) == len(KINDS)
