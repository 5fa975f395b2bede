"""`backline modal plan`: what an hour costs, what is needed, and what is not there."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from typer.testing import CliRunner

from backline.deploy.commands import modal_commands
from backline.deploy.plan import Plan, plan_of
from backline.settings import Settings

PRICES = {"cpu": "0.05", "memory": "0.01", "l40s": "2", "A10G": "1.2"}


def settings_of(**groups: Any) -> Settings:
    return Settings(_env_file=None, **groups)


def plan(**modal: Any) -> Plan:
    return plan_of(settings_of(modal=modal))


def shown(settings: Settings, *arguments: str) -> str:
    done = CliRunner().invoke(modal_commands(lambda: settings), ["plan", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_an_hour_is_cores_and_memory_and_the_gpu_by_any_spelling() -> None:
    (gateway, speech, *_) = plan(
        prices=PRICES,
        gateway={"cpu": 2, "memory_mb": 1024, "min_containers": 2},
        speech={"gpu": ["L40S", "a10g:2"], "cpu": 1, "memory_mb": 2048, "buffer_containers": 3},
    ).functions
    assert (gateway.running.low, gateway.running.high) == (Decimal("0.11"), Decimal("0.11"))
    assert gateway.at_rest.low == Decimal("0.22")
    assert (speech.running.low, speech.running.high) == (Decimal("2.07"), Decimal("2.47"))
    assert speech.at_rest.low == 0


def test_a_sum_with_a_price_missing_is_not_told() -> None:
    prices = {name: price for name, price in PRICES.items() if name != "l40s"}
    dear = plan(prices=prices, speech={"gpu": ["L40S"]})
    speech = next(one for one in dear.functions if one.definition.name == "Speech")
    assert speech.running.missing == ("L40S",)
    assert dear.at_rest.missing == ()  # none of those is kept when nobody asks
    assert dear.missing_prices == ("L40S",)
    assert plan(prices=prices, speech={"gpu": ["L40S"], "min_containers": 1}).at_rest.as_data() is None


def test_what_is_not_possible_is_said_and_what_is_done_instead() -> None:
    off = settings_of(
        modal={"jam": {"enabled": False}, "speech": {"engines": []}}, jam={"worker_url": "http://gpu:8001"}
    )
    assert "played by the worker at http://gpu:8001" in shown(off)
    assert "the gateway speaks itself" in shown(off)
    (note,) = plan_of(settings_of(), sessions=False).notes
    assert "the library has no sessions" in note
    assert "MODAL_API_URL" in note
    assert plan_of(settings_of()).notes == ()
    named = settings_of(jam={"worker_url": "http://gpu:8001"})
    assert "http://gpu:8001. It goes before the table" in plan_of(named).notes[0]


def test_it_is_shown_to_people_and_to_programs() -> None:
    settings = settings_of(modal={"prices": PRICES, "speech": {"gpu": ["L40S"]}})
    told = shown(settings)
    for word in ("gateway", "L40S, 2 cores", "secret backline: DATABASE_URL", "volume backline-weights", "at rest"):
        assert word in told
    data = json.loads(shown(settings, "--json"))
    assert [one["name"] for one in data["functions"]] == ["gateway", "Speech", "Jam", "render"]
    assert data["functions"][1]["running_per_hour"] == {"low": "2.14", "high": "2.14"}
    assert data["secrets"]["backline-worker"] == ["DARIUS_API_KEY"]


@pytest.mark.parametrize("price", ["a lot", "-1"])
def test_a_price_is_a_number(price: str) -> None:
    with pytest.raises(ValueError, match="prices"):
        settings_of(modal={"prices": {"cpu": price}})
