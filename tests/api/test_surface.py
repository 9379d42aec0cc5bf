"""Our own OpenAPI document, taken at its word by schemathesis, against the real application over a real database.

As an administrator (who has every scope), a channel, a passenger and nobody: no 500, no status, content type or body
that the document does not describe. `make fuzz` asks for more (`--fuzz-examples`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from interlock.web import build_app
from interlock.wiring import Hub
from tests.api.people import People, bearer, tokens
from tests.api.serving import serving
from tests.console.harness import PUBLIC_URL, play_day

load_all_checks()
KEPT = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
FREE = {"strangers_per_minute": 10_000_000}


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: Any, value: Any) -> bytes:
    """Whatever it is, as text: a line is the hub's to refuse."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture
def address(hub: Hub, people: People) -> Iterator[str]:
    """Where the application answers, over real sockets, after a small day, with nobody slowed down."""
    with serving(build_app(hub)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def people(hub: Hub) -> People:
    play_day(hub)
    object.__setattr__(hub, "settings", hub.settings.model_copy(update=FREE))
    return tokens(hub, TestClient(build_app(hub), base_url=PUBLIC_URL))


def known_values(hub: Hub) -> dict[str, list[str]]:
    """What there is to be found: a stranger's guesses alone would only see 404."""
    with hub.pool.connection() as connection:
        orders = [str(row[0]) for row in connection.execute("SELECT order_id FROM hub.orders").fetchall()]
    return {
        "channel": ["web", "phone"],
        "order_id": orders,
        "code": ["forbidden"],
        "account": ["sales", "channel_clearing:web"],
        "business_date": ["2026-01-09"],
        "name": ["order"],
        "version": ["1.1"],
    }


@pytest.mark.parametrize("who", ["admin", "web", "passenger", "nobody"])
def test_the_application_keeps_to_its_own_document(
    hub: Hub, people: People, address: str, who: str, request: pytest.FixtureRequest
) -> None:
    headers = {} if who == "nobody" else bearer(people[who])
    document = httpx.get(f"{address}/v1/openapi.json", trust_env=False).json()
    known, count = known_values(hub), request.config.getoption("--fuzz-examples")
    wrong: list[str] = []
    for result in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        wrong += probe(operation, address, headers, known, count)
    assert wrong == [], "\n".join(wrong)


def probe(operation: Any, address: str, headers: dict[str, str], known: dict[str, list[str]], count: int) -> list[str]:
    """What is wrong with one operation, in words; each kind of failure once."""
    wrong: dict[str, str] = {}

    def ask(case: Any) -> None:
        chosen = random.Random(repr(case.path_parameters))
        for name in case.path_parameters or {}:
            if name in known and chosen.random() < 0.7:
                case.path_parameters[name] = chosen.choice(known[name])
        if isinstance((case.query or {}).get("wait"), int | float):
            case.query["wait"] = min(case.query["wait"], 0.1)  # nothing new would come: it would wait for nothing
        response = case.call(base_url=address, headers=headers)
        try:
            case.validate_response(response, checks=KEPT)
        except* AssertionError as failures:
            for failure in leaves(failures):
                where = f"{operation.method.upper()} {operation.path}: {type(failure).__name__} {response.status_code}"
                wrong.setdefault(where, f"{where}: {str(failure)[:600]} {response.text[:300]} {shown(case)}")

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.body or operation.headers):
            continue
        strategy = operation.as_strategy(generation_mode=mode)
        bounded = settings(
            max_examples=count,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        trial: Callable[[], None] = bounded(given(strategy)(ask))  # type: ignore[no-untyped-call]  # hypothesis types what it decorates by its arguments
        trial()
    return list(wrong.values())


def leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from leaves(each)
        else:
            yield each


def shown(case: Any) -> str:
    asked = {"path": case.path_parameters, "query": case.query, "body": case.body, "headers": case.headers}
    return json.dumps({name: repr(value)[:200] for name, value in asked.items() if value})
