"""Native text for people: every personal number masked, nothing else changed, losses at their place."""

from __future__ import annotations

import json

import pytest

from adapters.kit.registry import registered
from interlock.console.exhibit import exhibit, indented, masked
from schemas.personal import personal_values
from tests.console.harness import MOBILE, RESIDENT_ID


@pytest.mark.parametrize("channel", ["web", "app", "phone", "agents", "windows"])
def test_no_sample_of_any_channel_shows_a_number(channel: str) -> None:
    adapter = registered()[channel].adapter
    for path in sorted(registered()[channel].samples.glob("*.native.*")):
        shown = json.dumps(exhibit(adapter, path.read_bytes()).as_dict(), ensure_ascii=False)
        assert RESIDENT_ID not in shown, path.name
        assert MOBILE not in shown, path.name


@pytest.mark.parametrize("channel", ["web", "app", "phone", "agents", "windows", "osdm"])
def test_no_sample_of_any_channel_shows_what_its_observation_marks_as_personal(channel: str) -> None:
    """Names too, and people of waitlists: by the marks of the contract, whatever fact they stand in."""
    adapter = registered()[channel].adapter
    for path in sorted(registered()[channel].samples.glob("*.native.*")):
        result = adapter.parse(path.read_bytes())
        shown = json.dumps(exhibit(adapter, path.read_bytes()).as_dict(), ensure_ascii=False)
        for personal in personal_values(result):
            assert len(personal.text) < 2 or f'"{personal.text}"' not in shown, path.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=990101199003070015;", "id=99***15;"),
        ("x99010119900307001Xy", "x99***1Xy"),
        ("tel 19900000001.", "tel 19***01."),
        ("+8619900000001", "+8***01"),
        ('"mobile_no": "5551234"', '"mobile_no": "55***34"'),
        ("<PassportNo>G12345678</PassportNo>", "<PassportNo>G1***78</PassportNo>"),
        ("4200870000010100000000000001", "4200870000010100000000000001"),
        ("EW00000101105012A", "EW00000101105012A"),
        ("20260109120000", "20260109120000"),
    ],
)
def test_what_has_the_form_of_a_personal_number_is_masked(text: str, expected: str) -> None:
    assert masked(text, set()) == expected


def test_numbers_that_the_adapter_read_are_masked_wherever_they_stand() -> None:
    assert masked("G12345678 and G12345678", {"G12345678"}) == "G1***78 and G1***78"


def test_json_on_one_line_is_spread_without_changing_a_token() -> None:
    text = '{"a":[1.50,2e3,{"b":"x,{}[]\\"y"}],"c":null}'
    spread = indented(text)
    assert "\n" in spread
    assert json.loads(spread) == json.loads(text)
    assert "1.50" in spread
    assert '"x,{}[]\\"y"' in spread
    assert indented("line 1\nline 2") == "line 1\nline 2"


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe\x00", b"{", b"[" * 5000, "号".encode("gb18030"), b"\x00" * 100])
@pytest.mark.parametrize("channel", ["web", "app", "phone", "agents", "windows"])
def test_bad_bytes_are_shown_and_never_raise(channel: str, raw: bytes) -> None:
    shown = exhibit(registered()[channel].adapter, raw)
    assert shown.rejected
    assert shown.canonical["code"]
