"""docs/config.md and config.example.toml say what the code says."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from notifier import sources
from notifier.config import TOP, load
from notifier.doubts import doubts
from notifier.reference import reference
from notifier.settings import (
    ChannelSettings,
    Route,
    RunSettings,
    SourceSettings,
    StateSettings,
    Table,
    Window,
)
from notifier.sources.hakuriver import Settings
from notifier.sources.lucifer import Settings as Lucifer

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "config.example.toml"


def all_on() -> str:
    """The example with every key switched on."""
    return re.sub(r"(?m)^#(?=[\[a-z])", "", EXAMPLE.read_text(encoding="utf-8"))


def test_the_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs/config.md").read_text(encoding="utf-8")
    assert page == reference(), "run: python -m notifier.reference > docs/config.md"


def test_every_key_has_a_meaning() -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| .* \| (.*) \|$", reference())
    assert len(rows) > 40
    assert [key for key, meaning in rows if not meaning] == []


@pytest.mark.parametrize("everything", [False, True])
def test_the_example_is_valid_and_leaves_no_doubt(everything: bool, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(all_on() if everything else EXAMPLE.read_text(encoding="utf-8"))
    config = load(path, sources.settings_of, {})
    assert doubts(config, sources.module("hakuriver").KINDS) == ()
    assert len(config.channels) == (4 if everything else 1)


def keys(table: type[Table]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(table)}


def test_the_example_shows_every_key_there_is() -> None:
    shown = tomllib.loads(all_on())
    assert shown.keys() == set(TOP)
    assert shown["sources"]["river"].keys() == keys(Settings)
    assert shown["sources"]["dut-lab"].keys() - {"type"} == keys(Lucifer) - keys(SourceSettings)
    assert {key for one in shown["channels"].values() for key in one} == keys(ChannelSettings)
    assert {key for one in shown["routes"] for key in one} == keys(Route)
    assert shown["windows"]["night"].keys() == keys(Window)
    assert shown["run"].keys() == keys(RunSettings)
    assert shown["state"].keys() == keys(StateSettings)


def test_what_the_example_shows_of_a_default_is_the_default() -> None:
    """Such lines teach; one that went out of date would lie."""
    shown = tomllib.loads(all_on())
    usual = {
        field.encode_name: field.default
        for field in msgspec.structs.fields(RunSettings)
        if field.default is not msgspec.NODEFAULT
    }
    for key in ("deadline", "flap_window", "channel_alert_after", "first_run"):
        assert shown["run"][key] == str(usual[key])
    for key in ("silent_after", "max_age"):
        assert shown["sources"]["dut-lab"][key] == str(getattr(Lucifer(type=""), key))
    assert shown["sources"]["dut-lab"]["max_bytes"] == Lucifer(type="").max_bytes
    assert shown["sources"]["river"]["failed"] == Settings(type="", url="").failed
    assert shown["routes"][0]["max_items"] == Route().max_items
