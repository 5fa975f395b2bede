from __future__ import annotations

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import backline.credits
from backline.credits.pricing import MICRO, Price, as_clock, as_seconds, micro_of
from backline.settings import CreditsSettings

AMOUNTS = st.integers(0, 10**15)


@given(AMOUNTS, st.integers(0, 10**9))
def test_never_more_than_was_used_and_less_than_a_millionth_less(total: int, micro_per_unit: int) -> None:
    cost = Price("speech", "second", micro_per_unit).cost(total)
    assert 0 <= total * micro_per_unit - cost * MICRO < MICRO


@given(AMOUNTS, st.integers(1, 10**9))
def test_an_amount_pays_for_its_reach_and_for_nothing_beyond(amount: int, micro_per_unit: int) -> None:
    price = Price("speech", "second", micro_per_unit)
    reach = price.reach(amount)
    assert reach is not None
    assert price.cost(reach) <= amount < price.cost(reach + 1)


@given(st.integers(-(10**15), 10**15))
def test_a_decimal_string_is_exact(micro: int) -> None:
    assert micro_of(Decimal(as_seconds(micro))) == micro


@pytest.mark.parametrize(
    ("micro", "seconds", "clock"),
    [
        (0, "0", "0:00"),
        (12_500_000, "12.5", "0:12"),
        (599_999_999, "599.999999", "9:59"),
        (6 * 10**8, "600", "10:00"),
    ],
)
def test_amounts_are_shown_plainly(micro: int, seconds: str, clock: str) -> None:
    assert as_seconds(micro) == seconds
    assert as_clock(micro) == clock


@pytest.mark.parametrize("credits", ["0.0000001", "1.0000000000000000000000000000000000001", "-1e-7"])
def test_a_seventh_decimal_place_is_refused_rather_than_rounded(credits: str) -> None:
    with pytest.raises(ValueError, match="six"):
        micro_of(Decimal(credits))


@pytest.mark.parametrize("credits", ["NaN", "Infinity", "-Infinity", "1e999999999", "1e-999999999"])
def test_what_is_no_number_is_no_amount(credits: str) -> None:
    with pytest.raises((ValueError, OverflowError)):
        micro_of(Decimal(credits))


def test_no_amount_passes_through_a_float() -> None:
    """Seconds of waiting may be floats; nothing that is money, or becomes money, may."""
    for path in Path(backline.credits.__file__).parent.glob("*.py"):
        if path.name in ("billing.py", "figures.py"):
            continue  # their floats are waits, and a figure for the operator
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            name = node.id if isinstance(node, ast.Name) else ""
            assert name not in ("float", "round") or _is_a_wait(node, tree), f"{path.name}:{node.lineno}"  # type: ignore[attr-defined]
            assert not isinstance(node, ast.Div), path.name
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                assert _is_a_wait(node, tree), f"{path.name}:{node.lineno}"


def _is_a_wait(node: ast.AST, tree: ast.Module) -> bool:
    """Part of a parameter named `..._seconds`."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = function.args
            named = [*arguments.args, *arguments.kwonlyargs]
            defaults = dict(zip([one.arg for one in arguments.kwonlyargs], arguments.kw_defaults, strict=True))
            for argument in named:
                inside = [argument.annotation, defaults.get(argument.arg)]
                if argument.arg.endswith("_seconds") and any(part and node in ast.walk(part) for part in inside):
                    return True
    return False


@pytest.mark.parametrize("name", ["welcome_seconds", "speech_per_second", "jam_per_second", "export_per_second"])
@pytest.mark.parametrize("credits", ["1000000000.000001", "1e999999999", "-0.000001", "0.0000001", "NaN"])
def test_a_price_or_gift_that_no_movement_could_hold_stops_the_start(name: str, credits: str) -> None:
    with pytest.raises(ValidationError, match=name):
        CreditsSettings(**{name: credits})


def test_ticks_come_before_a_hold_ends() -> None:
    with pytest.raises(ValidationError, match="at least twice"):
        CreditsSettings(tick_seconds=30, hold_seconds=59)
    assert CreditsSettings(tick_seconds=30, hold_seconds=60)
