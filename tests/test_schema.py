"""The schema of the configuration: generated, kept in docs/, as strict as what reads the file."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from notifier import schema, sources
from notifier.cli import main
from notifier.config import load
from notifier.errors import ConfigError

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs" / "config.schema.json"
EXAMPLE = ROOT / "config.example.toml"
SMALL = '[sources.river]\ntype = "hakuriver"\nurl = "http://h"\n[channels.ops]\nemail = "a@b.c"\n'
SMALL_TOO = SMALL.replace("[channels", "[run]\n[channels")


def checked(*paths: Path) -> subprocess.CompletedProcess[str]:
    """What the usual tool of editors and CI says."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(KEPT)]
    return subprocess.run(
        [*command, *map(str, paths)], capture_output=True, text=True, timeout=60, check=False
    )


def everything_on(tmp_path: Path) -> Path:
    path = tmp_path / "all.toml"
    path.write_text(re.sub(r"(?m)^#(?=[\[a-z])", "", EXAMPLE.read_text(encoding="utf-8")))
    return path


def test_the_kept_schema_is_what_the_code_says() -> None:
    made = schema.schema(sources.BUILT_IN)
    hint = "run: python -m notifier config schema > docs/config.schema.json"
    assert json.loads(KEPT.read_bytes()) == made, hint


def test_it_is_a_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"], {}) == 0
    made = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(made)
    assert made == json.loads(KEPT.read_bytes())


def test_the_example_points_to_it_and_the_usual_tool_has_nothing_to_say(tmp_path: Path) -> None:
    first = EXAMPLE.read_text(encoding="utf-8").splitlines()[0]
    assert first == "#:schema ./docs/config.schema.json"
    done = checked(EXAMPLE, everything_on(tmp_path))
    assert done.returncode == 0, done.stdout


def test_the_usual_tool_finds_a_slip(tmp_path: Path) -> None:
    path = tmp_path / "slip.toml"
    path.write_text(SMALL.replace("email", "emial"))
    assert checked(path).returncode == 1


def test_every_key_has_its_meaning_for_an_editor() -> None:
    for name, table in json.loads(KEPT.read_bytes())["$defs"].items():
        for key, one in table["properties"].items():
            assert one.get("description"), f"{name}.{key}"


SLIPS: list[tuple[str, str]] = [
    ("url = ", "ulr = "), ('type = "hakuriver"', 'type = "hakuriwer"'), ('type = "hakuriver"', ""),
    ('"http://h"', "3"), ("[channels.ops]", "[channels]"), ('email = "a@b.c"', ""),
    ('email = "a@b.c"', 'email = "a@b.c"\nwebhook = "http://x"'), ("[run]", "[runn]"),
    ("[run]", '[run]\ndeadline = "2 min"'), ("[run]", "[run]\ndeadline = 2"),
    ("[run]", '[run]\nfirst_run = "loud"'), ("[run]", "[[routes]]\nevents = ['bad']"),
    ("[run]", "[[routes]]\nchannels = ['ops']\nmax_items = '3'"), ("[run]", "[windows.a]"),
    ("[run]", '[windows.a]\nfrom = "22:00"\nto = "23:00"\ndays = ["xmas"]'),
    ("[run]", "[sources.'a b']\ntype = 'hakuriver'\nurl = 'http://x'"),
    ('url = "http://h"', 'url = "http://h"\nevery = { taks = "1m" }'),
    ('url = "http://h"', 'url = "http://h"\nevery = { tasks = "1w" }'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SLIPS)
def test_what_the_reader_refuses_the_schema_refuses(old: str, new: str, tmp_path: Path) -> None:
    assert old in SMALL_TOO
    assert judged(SMALL_TOO, tmp_path) == (True, True)
    assert judged(SMALL_TOO.replace(old, new, 1), tmp_path) == (False, False)


def judged(text: str, tmp_path: Path) -> tuple[bool, bool]:
    """Whether the reader takes it, and whether the schema does."""
    import tomllib

    path = tmp_path / "config.toml"
    path.write_text(text)
    try:
        load(path, sources.settings_of, {})
        read = True
    except ConfigError:
        read = False
    document: Any = tomllib.loads(text)
    return read, jsonschema.Draft202012Validator(json.loads(KEPT.read_bytes())).is_valid(document)


def test_what_init_writes_is_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    line = ["config", "init", "http://127.0.0.1:9", "--type", "hakuriver", "--email", "a@b.c"]
    assert main(["-c", str(path), *line], {}) == 0
    capsys.readouterr()
    assert checked(path).returncode == 0
