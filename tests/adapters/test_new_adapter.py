"""A new adapter from each starting point is green at once, offline; and its table is what decides."""

import json
import re
import shutil
import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.kit.authoring import WIRES, CannotWrite, WireName, write_package
from adapters.kit.registry import GROUP, AdapterBroken, Registered, adapter_at, adapter_named, loaded, registered
from adapters.kit.scorecard import scorecard
from interlock.cli.main import app
from schemas.observation import Observation, Rejection

RUN = CliRunner()


@pytest.fixture(scope="module", params=WIRES)
def wire(request: pytest.FixtureRequest) -> WireName:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def started(wire: WireName, tmp_path_factory: pytest.TempPathFactory) -> Registered:
    return write_package(f"start_{wire}", wire, tmp_path_factory.mktemp(wire))


def root(found: Registered) -> Path:
    return found.samples.parents[1]


class TestNew:
    def test_new_to_all_green_in_under_a_minute_offline(
        self, wire: WireName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def offline(*_: object) -> None:
            raise AssertionError("somebody wanted the network")

        monkeypatch.setattr(socket.socket, "connect", offline)
        began = time.monotonic()
        answer = RUN.invoke(app, ["adapter", "new", f"quick_{wire}", "--wire", wire, "--into", str(tmp_path)])
        assert answer.exit_code == 0, answer.output
        checked = RUN.invoke(app, ["adapter", "check", str(tmp_path / f"quick_{wire}"), "--json"])
        assert checked.exit_code == 0, checked.output
        assert json.loads(checked.output)["broken"] == 0
        assert time.monotonic() - began < 60

    def test_every_act_has_a_sample_and_every_refusal(self, started: Registered) -> None:
        names = {path.name.split(".")[0] for path in started.samples.glob("*.native.*")}
        assert len(names) >= 15
        assert len([name for name in names if name.startswith("reject-")]) >= 4
        assert names == {path.name.split(".")[0] for path in started.samples.glob("*.canonical.json")}

    def test_all_wires_say_the_same(self, started: Registered, tmp_path: Path) -> None:
        """One list of happenings: what the four starting points understand differs in the channel's name only."""
        reference = write_package("start_json", "json", tmp_path)
        for path in sorted(reference.samples.glob("*.canonical.json")):
            if not path.name.startswith(("reject-", "loss-")):
                own = (started.samples / path.name).read_text(encoding="utf-8").replace(started.name, "start_json")
                assert json.loads(own)["observation"]["facts"] == json.loads(path.read_text())["observation"]["facts"]

    def test_a_changed_mapping_is_noticed(self, wire: WireName, tmp_path: Path) -> None:
        found = write_package(f"changed_{wire}", wire, tmp_path)
        table = root(found) / f"changed_{wire}_adapter" / "table.py"
        source = table.read_text(encoding="utf-8")
        spelled = re.search(r'(?<=COLUMNS = \().*?Column\("([^"]+)", "fare"', source, re.DOTALL)
        assert spelled is not None
        table.write_text(
            source.replace(f'\n    Column("{spelled[1]}", "fare"', f'\n    Column("{spelled[1]}_in_fen", "fare"')
            if wire != "fixed"
            else source.replace('"fare", None, 9', '"fare", None, 8'),
            encoding="utf-8",
        )
        broken = RUN.invoke(app, ["adapter", "check", str(root(found))])
        assert broken.exit_code == 1
        assert "BROKEN" in broken.output

    def test_the_readme_names_every_column(self, started: Registered) -> None:
        readme = (root(started) / "README.md").read_text(encoding="utf-8")
        table = (root(started) / started.package / "table.py").read_text(encoding="utf-8")
        for native in re.findall(r'^    Column\("([^"]+)"', table.partition("COLUMNS = ")[2], re.MULTILINE):
            assert f"`{native}`" in readme

    @pytest.mark.parametrize("name", ["", "x", "Gates", "my-gates", "1gates", "gates!", "class", "../gates", "a" * 40])
    def test_a_name_that_is_none_is_refused(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(CannotWrite, match="no channel name"):
            write_package(name, "csv", tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_nothing_is_written_over(self, tmp_path: Path) -> None:
        (tmp_path / "gates").mkdir()
        answer = RUN.invoke(app, ["adapter", "new", "gates", "--into", str(tmp_path)])
        assert answer.exit_code == 1
        assert "nothing is written over" in answer.stderr
        assert list((tmp_path / "gates").iterdir()) == []

    def test_next_steps_are_said(self, tmp_path: Path) -> None:
        answer = RUN.invoke(app, ["adapter", "new", "gates", "--wire", "csv", "--into", str(tmp_path)])
        for word in ("adapter try", "adapter check", "pip install", "table.py"):
            assert word in answer.output


class TestTry:
    def test_native_beside_canonical(self, started: Registered) -> None:
        (sale,) = started.samples.glob("sale.native.*")
        shown = json.loads(RUN.invoke(app, ["adapter", "try", str(root(started)), str(sale), "--json"]).output)
        (trial,) = shown["trials"]
        assert trial["rejection"] is None
        text = "\n".join(line["text"] for line in trial["canonical"]["lines"])
        assert "fact: ticket.issued" in text
        assert "fare_gross: 553.00 CNY" in text
        assert "".join(line["text"] for line in trial["back"]["lines"])

    def test_losses_are_marked_on_both_sides(self, started: Registered) -> None:
        (lossy,) = started.samples.glob("loss-unknown-class.native.*")
        shown = json.loads(RUN.invoke(app, ["adapter", "try", str(root(started)), str(lossy), "--json"]).output)
        (trial,) = shown["trials"]
        assert [line["text"].strip() for line in trial["canonical"]["lines"] if line["marks"]] == [
            "seat_class: unknown"
        ]
        (native,) = [line["text"] for line in trial["native"]["lines"] if line["marks"]]
        assert "Q9Z" in native
        assert trial["native"]["losses"][0]["reason"] == "unknown_code"

    def test_a_refusal_says_place_expected_and_found(self, started: Registered) -> None:
        (refused,) = started.samples.glob("reject-amount.native.*")
        answer = RUN.invoke(app, ["adapter", "try", str(root(started)), str(refused)], env={"COLUMNS": "160"})
        assert answer.exit_code == 0
        for word in ("refused", "amount_invalid", "place", "expected", "5x3.00"):
            assert word in answer.output

    def test_a_file_of_many_is_split(self, started: Registered, wire: WireName, tmp_path: Path) -> None:
        (sale,) = started.samples.glob("sale.native.*")
        (gate,) = started.samples.glob("enter.native.*")
        one, two = sale.read_bytes(), gate.read_bytes()
        joined = {
            "csv": lambda: one + two.split(b"\n", 1)[1],
            "fixed": lambda: one + two,
            "json": lambda: b"\n".join(json.dumps(json.loads(raw)).encode() for raw in (one, two)),
            "xml": lambda: b"<Messages>" + b"".join(raw.split(b"?>", 1)[1] for raw in (one, two)) + b"</Messages>",
        }[wire]()
        file = tmp_path / "day"
        file.write_bytes(joined)
        shown = json.loads(RUN.invoke(app, ["adapter", "try", str(root(started)), str(file), "--json"]).output)
        assert [trial["rejection"] for trial in shown["trials"]] == [None, None]
        second = RUN.invoke(app, ["adapter", "try", str(root(started)), str(file), "--part", "2", "--json"])
        assert "ticket.entered" in second.output
        assert RUN.invoke(app, ["adapter", "try", str(root(started)), str(file), "--part", "3"]).exit_code == 1

    def test_nobody_is_named(self, started: Registered) -> None:
        (sale,) = started.samples.glob("sale.native.*")
        answer = RUN.invoke(app, ["adapter", "try", str(root(started)), str(sale)], env={"COLUMNS": "400"})
        assert "990101199003070015" not in answer.output
        assert "测试甲" not in answer.output


@pytest.mark.parametrize("name", ["web", "app", "phone", "agents", "windows"])
def test_every_installed_channel_can_be_tried(name: str) -> None:
    samples = registered()[name].samples
    for native in [*sorted(samples.glob("*.native.*"))[:4], *sorted(samples.glob("reject-*.native.*"))[:2]]:
        answer = RUN.invoke(app, ["adapter", "try", name, str(native)])
        assert answer.exit_code == 0, f"{native}: {answer.output}"


class TestFolders:
    def write(self, folder: Path, body: str, points: str = 'gates = "gates_of_test:adapter"') -> Path:
        package = folder / "gates_of_test"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(body, encoding="utf-8")
        (folder / "pyproject.toml").write_text(f'[project]\nname = "x"\n[project.entry-points."{GROUP}"]\n{points}\n')
        return folder

    @pytest.mark.parametrize(
        ("body", "points", "sentence"),
        [
            (
                "import nothing_of_this_name",
                'gates = "gates_of_test:adapter"',
                "cannot be imported: ModuleNotFoundError",
            ),
            ("1 / 0", 'gates = "gates_of_test:adapter"', "cannot be imported: ZeroDivisionError"),
            ("", 'gates = "gates_of_test:adapter"', "cannot be imported: AttributeError"),
            ("adapter = 3", 'gates = "gates_of_test:adapter"', "is no adapter"),
            ("from adapters.web import adapter", 'gates = "gates_of_test:adapter"', "its profile says 'web'"),
            ("", "", "names 0 channels"),
            ("", 'a = "gates_of_test:adapter"\nb = "gates_of_test:adapter"', "names 2 channels"),
            ("", "gates = [", "cannot be read"),
        ],
    )
    def test_what_is_wrong_is_a_sentence(self, tmp_path: Path, body: str, points: str, sentence: str) -> None:
        folder = self.write(tmp_path / str(abs(hash(sentence))), body, points)
        with pytest.raises(AdapterBroken, match=sentence):
            adapter_at(folder)
        answer = RUN.invoke(app, ["adapter", "check", str(folder)])
        assert answer.exit_code == 1
        assert isinstance(answer.exception, SystemExit)

    def test_a_folder_without_declaration(self, tmp_path: Path) -> None:
        with pytest.raises(AdapterBroken, match=r"no pyproject\.toml"):
            adapter_at(tmp_path)

    def test_a_package_may_not_take_the_name_of_another(self, tmp_path: Path) -> None:
        (tmp_path / "json").mkdir()
        (tmp_path / "json" / "__init__.py").write_text("")
        (tmp_path / "pyproject.toml").write_text(f'[project.entry-points."{GROUP}"]\ngates = "json:adapter"\n')
        with pytest.raises(AdapterBroken, match="must not be called 'json'"):
            adapter_at(tmp_path)
        assert json.loads("1") == 1

    def test_a_copy_elsewhere_is_read_from_there(self, tmp_path: Path) -> None:
        first = write_package("copied", "csv", tmp_path / "one")
        shutil.copytree(root(first), tmp_path / "two" / "copied")
        assert adapter_at(tmp_path / "two" / "copied").samples.is_relative_to(tmp_path / "two")

    def test_a_name_nobody_has_is_a_sentence(self) -> None:
        answer = RUN.invoke(app, ["adapter", "check", "telex"])
        assert answer.exit_code == 1
        assert "no adapter 'telex'" in answer.stderr
        assert "adapter new" in answer.stderr


def test_two_packages_with_one_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from adapters.kit import registry

    points = [EntryPoint("web", value, GROUP) for value in ("adapters.web:adapter", "adapters.app:adapter")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with pytest.raises(AdapterBroken, match="two packages register a channel 'web'"):
        registry.registered.__wrapped__()
    with pytest.raises(AdapterBroken, match="cannot be imported"):
        loaded(EntryPoint("web", "adapters.nothing:adapter", GROUP), "package x")


def test_a_broken_package_is_one_sentence_whatever_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from adapters.kit import registry

    registry.registered.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("telex", "telex_of_nobody:adapter", GROUP)])
    try:
        answer = RUN.invoke(app, ["adapter", "list"])
    finally:
        registry.registered.cache_clear()
    assert answer.exit_code == 1
    assert "channel 'telex' of package unknown (telex_of_nobody:adapter) cannot be imported" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_good_adapter_reads_and_refuses(started: Registered) -> None:
    for path in started.samples.glob("*.native.*"):
        answer = started.adapter.parse(path.read_bytes())
        assert isinstance(answer, Rejection if path.name.startswith("reject-") else Observation), path.name


def test_the_scorecard_of_an_installed_name_is_that_of_its_folder() -> None:
    assert [score.promise for score in scorecard(adapter_named("web"))]
