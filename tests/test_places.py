"""Where the configuration is found, and that the state follows it."""

from pathlib import Path

import pytest

from notifier.errors import ConfigError
from notifier.places import find, state_path


def test_what_is_given_comes_before_the_environment(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).touch()
    environ = {"NOTIFIER_CONFIG": str(tmp_path / "b.toml")}
    assert find(str(tmp_path / "a.toml"), environ) == tmp_path / "a.toml"
    assert find(None, environ) == tmp_path / "b.toml"


def test_a_path_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert find("a.toml", {}) == tmp_path / "a.toml"


@pytest.mark.parametrize("home", ["HOME", "XDG_CONFIG_HOME"])
def test_the_users_own_is_looked_for_last(home: str, tmp_path: Path) -> None:
    folder = tmp_path if home == "XDG_CONFIG_HOME" else tmp_path / ".config"
    (folder / "notifier").mkdir(parents=True)
    (folder / "notifier/config.toml").touch()
    assert find(None, {home: str(tmp_path)}) == folder / "notifier/config.toml"


def test_where_nothing_is_found_every_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        find(None, {"HOME": str(tmp_path)})
    assert str(found.value) == (
        f"no configuration: neither /etc/notifier/config.toml nor {tmp_path}/.config/notifier/"
        "config.toml exists, and neither --config nor $NOTIFIER_CONFIG names one; "
        "`notifier config init` writes one"
    )


def test_without_a_home_nothing_breaks() -> None:
    with pytest.raises(ConfigError, match="no configuration: neither /etc/notifier"):
        find(None, {})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none.toml", "none.toml: no such configuration file"),
        ("folder", "folder: is a folder; name the file in it"),
        ("file/config.toml", "config.toml: no such configuration file"),
        ("loop", "loop: cannot be read: Too many levels of symbolic links"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
def test_what_is_given_and_is_no_file_is_one_line(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for given, environ in ((str(tmp_path / name), {}), (None, {"NOTIFIER_CONFIG": name})):
        with pytest.raises(ConfigError) as found:
            find(given, {key: str(tmp_path / value) for key, value in environ.items()})
        assert why in str(found.value)


def test_a_variable_that_names_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such configuration file \(\$NOTIFIER_CONFIG"):
        find(None, {"NOTIFIER_CONFIG": str(tmp_path / "none.toml")})


def test_a_place_that_may_not_be_looked_into_is_not_taken_for_empty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refused)
    with pytest.raises(ConfigError) as found:
        find(None, {"HOME": "/home/anna"})
    assert str(found.value) == "/etc/notifier/config.toml: cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("config", "given", "environ", "state"),
    [
        ("/etc/notifier/config.toml", "", {}, "/var/lib/notifier/state.json"),
        ("/etc/notifier/config.toml", "/srv/s.json", {}, "/srv/s.json"),
        (
            "/home/anna/.config/notifier/config.toml", "", {"HOME": "/home/anna"},
            "/home/anna/.local/state/notifier/state.json",
        ),
        (
            "/conf/notifier/config.toml", "",
            {"HOME": "/home/anna", "XDG_CONFIG_HOME": "/conf", "XDG_STATE_HOME": "/states"},
            "/states/notifier/state.json",
        ),
        ("/srv/river.toml", "", {"HOME": "/home/anna"}, "/srv/state.json"),
        ("/srv/river.toml", "states/river.json", {}, "/srv/states/river.json"),
        ("/srv/river.toml", "", {}, "/srv/state.json"),
    ],
)  # fmt: skip
def test_the_state_follows_the_configuration_and_never_the_user(
    config: str, given: str, environ: dict[str, str], state: str
) -> None:
    assert state_path(Path(config), given, environ) == Path(state)


def test_the_state_may_lie_in_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert state_path(Path("/srv/c.toml"), "~/s.json", {}) == Path("/home/anna/s.json")
