"""References to secrets: what they give, and that no error of theirs shows a value."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from notifier import secrets
from notifier.errors import SecretError
from notifier.secrets import LIMIT, resolve
from notifier.sources import hakuriver, hydra


def test_text_without_a_known_prefix_is_itself() -> None:
    for text in ("", "hunter2", "https://h/x", "vault:x", "ENV:X", " env:X"):
        assert resolve(text, {}) == text


def test_a_variable_of_the_environment_is_taken() -> None:
    assert resolve("env:HOOK", {"HOOK": " hunter2 "}) == " hunter2 "


def test_the_line_ends_of_a_file_are_not_part_of_the_secret(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b" hunter2 \r\n\n")
    assert resolve(f"file:{tmp_path / 'token'}", {}) == " hunter2 "


def test_a_credential_lies_in_the_folder_of_systemd(tmp_path: Path) -> None:
    (tmp_path / "smtp-password").write_text("hunter2\n")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert resolve("credential:smtp-password", environ) == "hunter2"


@pytest.mark.parametrize("name", ["", ".", "..", "../token", "a/b", "/etc/passwd", "a b", "a\n"])
def test_a_credential_cannot_lie_elsewhere(name: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    folder = tmp_path / "credentials"
    folder.mkdir()
    with pytest.raises(SecretError, match="not a credential's name"):
        resolve(f"credential:{name}", {"CREDENTIALS_DIRECTORY": str(folder)})


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:NONE", "env:NONE: the environment has no such variable, or it is empty"),
        ("env:EMPTY", "env:EMPTY: the environment has no such variable, or it is empty"),
        ("credential:x", r"credential:x: \$CREDENTIALS_DIRECTORY is not set"),
        ("file:none", "file:.*none: No such file or directory"),
        ("file:folder", "file:.*folder: Is a directory"),
        ("file:empty", "file:.*empty: is empty"),
        ("file:latin", "file:.*latin: not UTF-8 text"),
        ("file:large", "file:.*large: larger than 64 kB"),
    ],
)
def test_what_cannot_be_resolved_names_the_reference(
    reference: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_bytes(b"\n\n")
    (tmp_path / "latin").write_bytes("Gerät".encode("latin-1"))
    (tmp_path / "large").write_bytes(b"x" * (LIMIT + 1))
    with pytest.raises(SecretError, match=why):
        resolve(reference, {"EMPTY": ""})


def test_a_file_of_just_the_limit_is_taken(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * LIMIT)
    assert len(resolve(f"file:{tmp_path / 'large'}", {})) == LIMIT


def test_an_unreadable_file_is_named_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "token"
    path.write_text("hunter2")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # root may read everything: the refusal has to be made up
    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(SecretError) as found:
        resolve(f"file:{path}", {})
    assert str(found.value) == f"file:{path}: Permission denied"
    assert found.value.__cause__ is None


@given(st.binary(max_size=40))
def test_no_content_of_a_file_makes_another_error(raw: bytes) -> None:
    handle, writer = os.pipe()
    os.write(writer, raw)
    os.close(writer)
    try:
        value = resolve(f"file:/dev/fd/{handle}", {})
    except SecretError as error:
        assert str(error).startswith("file:/dev/fd/")
    else:
        assert value
        assert value == raw.decode().strip("\r\n")
    finally:
        os.close(handle)


def test_the_token_and_every_header_of_a_source_may_be_a_reference(tmp_path: Path) -> None:
    kept = tmp_path / "proxy"
    kept.write_text("s3cret\n")
    headers = {"X-One": f"file:{kept}", "X-Two": "env:TWO", "X-Three": "plain"}
    settings = hydra.Settings(type="hydra", url="http://h", headers=headers)
    found = secrets.revealed(settings, {"TWO": "2"})
    assert found == replace(settings, headers={"X-One": "s3cret", "X-Two": "2", "X-Three": "plain"})
    river = hakuriver.Settings(type="hakuriver", url="http://h", token="env:T")
    assert secrets.revealed(river, {"T": "t"}) == replace(river, token="t")
    bare = replace(settings, headers={})
    assert secrets.revealed(bare, {}) is bare
    with pytest.raises(SecretError, match="env:TWO"):
        secrets.revealed(settings, {})
