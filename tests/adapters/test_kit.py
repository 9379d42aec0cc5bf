"""The kit itself: what it refuses, what it lists as lost, how it asks, and that it catches a bad adapter."""

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
import respx

from adapters.app import adapter as app
from adapters.kit.decoding import decode_json
from adapters.kit.folding import identities
from adapters.kit.golden import compare, generate, orphans
from adapters.kit.lines import split_lines
from adapters.kit.reading import Record
from adapters.kit.refusing import Losses, Refused
from adapters.kit.registry import AdapterUnknown, Registered, adapter_named, registered
from adapters.kit.scorecard import scorecard
from adapters.kit.times import SHANGHAI, local_date
from adapters.kit.transport import Asking, ChannelFault, Fault, fault_for
from adapters.web import adapter as web
from adapters.web.wire import TIME
from hub.ports import Formatted
from schemas.events import OrderEvent
from schemas.observation import Observation, Rejection
from schemas.order import Order
from schemas.problems import catalogue

WEB = Path(__file__).parents[2] / "adapters" / "web"
APP = Path(__file__).parents[2] / "adapters" / "app"
QUICK = Asking({"503": Fault("not_ready", True, "channel", "busy"), "E7": Fault("forbidden", False, "operator", "no")})


def record(**fields: object) -> Record:
    return Record(fields, "/tickets/0", Losses(), "web")


class TestReading:
    @pytest.mark.parametrize(("native", "fen"), [(9300, 9300), ("9300.0", 9300), ("0", 0), ("9300", 9300)])
    def test_money_is_exact(self, native: object, fen: int) -> None:
        assert record(price=native).money("price").amount == fen

    def test_money_in_yuan_and_jiao(self) -> None:
        assert record(price="553.0").money("price", fen=100).amount == 55300
        assert record(price=5530).money("price", fen=10).amount == 55300
        assert record(price="-2.5").money("price", fen=100, signed=True).amount == -250

    @pytest.mark.parametrize("native", [-1, "-1", "1e3", "93.5", "", None, True, [], 10**20, "٣", "1" * 400])
    def test_what_is_no_amount_is_refused_with_its_place(self, native: object) -> None:
        with pytest.raises(Refused) as refused:
            record(price=native).money("price")
        assert refused.value.rejection.code == "amount_invalid"
        assert refused.value.rejection.pointer == "/tickets/0/price"

    @pytest.mark.parametrize(
        "native", ["2026-02-30 00:00:00", "2026-01-09T16:51:55", "0012-01-01 00:00:00", "２０２６-01-01 00:00:00"]
    )
    def test_impossible_times_are_refused(self, native: str) -> None:
        with pytest.raises(Refused) as refused:
            record(at=native).time("at", TIME)
        assert refused.value.rejection.code == "time_invalid"
        assert refused.value.rejection.example == TIME.example

    def test_times_are_beijing_whatever_this_machine_thinks(self) -> None:
        read = TIME.read("2026-01-09 00:30:00")
        assert read == datetime(2026, 1, 8, 16, 30, tzinfo=UTC)
        assert read is not None
        assert TIME.write(read.astimezone(UTC)) == "2026-01-09 00:30:00"
        assert local_date(datetime(2026, 1, 8, 16, 30, tzinfo=UTC)) == date(2026, 1, 9)
        assert read.utcoffset() == SHANGHAI.utcoffset(None)

    def test_pointer_escapes_names(self) -> None:
        """RFC 6901: ~ is ~0, / is ~1"""
        row = record(**{"a/b~c": 1})
        row.finish()
        assert row.losses.all()[0].pointer == "/tickets/0/a~1b~0c"

    def test_a_field_that_nobody_reads_is_a_loss_and_the_hundredth_is_counted(self) -> None:
        row = Record({f"f{i}": "x" * 500 for i in range(150)}, "", Losses(), "web")
        row.finish()
        losses = row.losses.all()
        assert len(losses) == 101
        assert losses[-1].note == "and 50 more"
        assert len(losses[0].native) == 200

    def test_controls_cannot_enter(self) -> None:
        with pytest.raises(Refused):
            record(name="a\x00b").text("name")

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            (b'{"a":1', "message_truncated"),
            (b'{"a":\xff}', "encoding_damaged"),
            (b"[1]", "message_malformed"),
            (b'{"a":1}{', "message_malformed"),
            (b'{"a":' + b"1" * 5000 + b"}", "message_malformed"),
            (b" " * 2000, "message_too_large"),
        ],
    )
    def test_broken_json_says_what_is_broken(self, raw: bytes, code: str) -> None:
        with pytest.raises(Refused) as refused:
            decode_json(raw, "web", 8000 if len(raw) > 4000 else 1000)
        assert refused.value.rejection.code == code
        assert refused.value.rejection.pointer

    def test_lines_have_ids_of_their_content(self) -> None:
        parts = split_lines(b'{"a":1}\n\n{"b":2}\n{"a":1}')
        assert not isinstance(parts, Rejection)
        assert [part.place for part in parts] == ["line 1", "line 3", "line 4"]
        assert parts[0].message_id == parts[2].message_id != parts[1].message_id


class TestGolden:
    @pytest.fixture
    def samples(self, tmp_path: Path) -> Path:
        shutil.copytree(WEB / "samples", tmp_path / "samples")
        return tmp_path / "samples"

    def test_committed_samples_are_as_reviewed(self, samples: Path) -> None:
        assert compare(web, samples) == []
        assert generate(web, samples) == []

    def test_an_orphan_a_gap_and_a_difference_are_found(self, samples: Path) -> None:
        (samples / "hold.native.json").unlink()
        (samples / "cancel-a-hold.canonical.json").unlink()
        changed = samples / "sale-one-ticket.canonical.json"
        changed.write_text(changed.read_text(encoding="utf-8").replace("55300", "55200"), encoding="utf-8")
        found = {difference.name: difference.what for difference in compare(web, samples)}
        assert set(found) == {"hold.canonical.json", "cancel-a-hold", "sale-one-ticket"}
        assert "55200" in found["sale-one-ticket"]
        assert [path.name for path in orphans(samples)] == ["hold.canonical.json"]

    def test_generate_writes_what_is_missing_and_forced_all(self, samples: Path) -> None:
        (samples / "hold.canonical.json").unlink()
        assert [path.name for path in generate(web, samples)] == ["hold.canonical.json"]
        assert len(generate(web, samples, force=True)) == len(list(samples.glob("*.native.json")))


class TestTransport:
    @respx.mock
    def test_a_day_extract_is_asked_for_again_while_the_fault_says_so(self) -> None:
        route = respx.get("http://channel.test/extracts/2026-01-09")
        route.side_effect = [httpx.Response(503), httpx.ConnectError("refused"), httpx.Response(200, content=b"day")]
        asking = Asking(QUICK.faults, pause_seconds=0.0)
        assert asking.day_extract("http://channel.test/", date(2026, 1, 9)) == b"day"
        assert route.call_count == 3

    @respx.mock
    def test_a_fault_that_no_retry_mends_is_raised_at_once(self) -> None:
        route = respx.get("http://channel.test/changes").respond(409, headers={"x-error-code": "E7"})
        with pytest.raises(ChannelFault) as fault:
            QUICK.changes("http://channel.test", None)
        assert (route.call_count, fault.value.fault.whose) == (1, "operator")

    @respx.mock
    def test_the_watermark_travels(self) -> None:
        route = respx.get("http://channel.test/changes", params={"since": "17"}).respond(200, content=b"{}")
        assert QUICK.changes("http://channel.test", "17") == b"{}"
        assert route.called

    @respx.mock
    def test_the_last_fault_is_raised_when_patience_ends(self) -> None:
        respx.get("http://channel.test/extracts/2026-01-09").respond(503)
        with pytest.raises(ChannelFault, match="busy"):
            Asking(QUICK.faults, pause_seconds=0.0, attempts=2).day_extract("http://channel.test", date(2026, 1, 9))

    def test_a_status_nobody_listed_is_not_retried(self) -> None:
        assert fault_for(QUICK.faults, 302).retry is False

    @pytest.mark.parametrize("name", ["web", "app", "phone", "agents", "windows"])
    def test_every_fault_has_a_code_of_the_catalogue(self, name: str) -> None:
        module = __import__(f"adapters.{name}.faults", fromlist=["FAULTS"])
        assert {fault.code for fault in module.FAULTS.values()} <= set(catalogue())


class HostileAdapter:
    """Raises, guesses and forgets: every promise that it breaks must be on the scorecard."""

    profile = web.profile

    def parse(self, raw: bytes) -> Observation | Rejection:
        json.loads(raw)  # raises on anything malformed
        answer = web.parse(raw)
        return answer.model_copy(update={"losses": ()}) if isinstance(answer, Observation) else answer

    def format(self, event: OrderEvent, order: Order) -> Formatted | None:
        cheaper = [t.model_copy(update={"fare_gross": order.balance}) for t in order.tickets]
        return web.format(event, order.model_copy(update={"tickets": tuple(cheaper)}))


class TestScorecard:
    def test_a_good_adapter_keeps_every_promise(self) -> None:
        assert [score for score in scorecard(adapter_named("web")) if score.kept is False] == []

    def test_a_hostile_adapter_is_found_out(self) -> None:
        broken = {
            score.promise.split(":")[0]
            for score in scorecard(Registered("hostile", HostileAdapter(), WEB / "samples"))
            if score.kept is False
        }
        assert {"malformed", "losses", "money", "round trip"} <= broken

    def test_undeclared_capabilities_say_so(self) -> None:
        scores = {score.promise: score for score in scorecard(adapter_named("web"))}
        assert scores["is polled"].kept is None
        assert "not declared" in scores["is polled"].detail

    def test_adapters_are_found_by_entry_point(self) -> None:
        assert set(registered()) >= {"web", "app", "phone", "agents", "windows"}
        with pytest.raises(AdapterUnknown, match="no adapter 'telex'"):
            adapter_named("telex")


class TestTheSameLettersMeanOtherThings:
    """e, i, j, m: table A is not table B."""

    def sample(self, folder: Path, **ticket: str) -> bytes:
        native = json.loads((folder / "samples" / "sale-one-ticket.native.json").read_text(encoding="utf-8"))
        rows = native["records"] if "records" in native else native["OrderDTODataList"][0]["tickets"]
        rows[0].update(ticket)
        return json.dumps(native).encode()

    def facts(self, answer: Observation | Rejection) -> set[str]:
        assert isinstance(answer, Observation), answer
        return {identity.split("|")[0] for identity in identities(answer.facts) if identity.startswith("ticket.")}

    @pytest.mark.parametrize(
        ("letter", "on_web", "on_app"),
        [
            ("e", {"ticket.issued"}, {"ticket.issued", "ticket.changed"}),
            ("i", {"ticket.held"}, {"ticket.issued", "ticket.entered"}),
            ("j", {"ticket.held"}, {"ticket.issued", "ticket.exited"}),
            ("m", {"ticket.issued", "ticket.exited"}, {"ticket.issued"}),
        ],
    )
    def test_letter(self, letter: str, on_web: set[str], on_app: set[str]) -> None:
        times = {"reserve_time": "2026-01-09 11:50:00", "pay_limit_time": "2026-01-09 12:20:00"}
        assert self.facts(web.parse(self.sample(WEB, ticket_status_code=letter, **times))) == on_web
        assert self.facts(app.parse(self.sample(APP, status=letter))) == on_app

    def test_re_signed_on_board_says_that_it_says_little(self) -> None:
        answer = app.parse(self.sample(APP, status="k"))
        assert self.facts(answer) == {"ticket.issued", "ticket.resigned_on_board"}
        assert isinstance(answer, Observation)
        assert [loss.reason for loss in answer.losses] == ["less_precise"]


@pytest.mark.parametrize("folder", [WEB, APP])
def test_readme_names_every_field_of_the_samples(folder: Path) -> None:
    """A field that no reader of the README can find is a field nobody reviewed."""
    readme = (folder / "README.md").read_text(encoding="utf-8")
    labels = {"passenger_name", "coach_name", "amount_char", "id"}
    labels |= {"return_rate", "distance_km", "distance", "dynamicProp", "coupon"}
    names: set[str] = set()

    def gather(value: object) -> None:
        if isinstance(value, dict):
            names.update(value)
            for item in value.values():
                gather(item)
        elif isinstance(value, list):
            for item in value:
                gather(item)

    for path in (folder / "samples").glob("*.native.json"):
        gather(json.loads(path.read_text(encoding="utf-8")))
    unnamed = {n for n in names - labels if n not in readme and not n.endswith(("_name", "_page", "_flag"))}
    assert unnamed == set()
