"""This machine: the configuration and why this one, the state's folder, secrets, zone, disk."""

import fcntl
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from notifier import files, metrics, places, secrets
from notifier.checks import REFERENCES, SECRETS
from notifier.config import Config
from notifier.doctor.finding import Finding, bad, odd, secretless, well
from notifier.errors import SecretError, StateError
from notifier.state import Store
from notifier.zone import zone_of

# over these a lock or a hard link may not hold what it promises
DISTANT = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "gpfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.cephfs", "fuse.s3fs", "fuse.rclone", "davfs",
)  # fmt: skip
# these know no hard links, no modes, or forget everything
POOR = {"vfat": "knows no modes", "exfat": "knows no modes", "msdos": "knows no modes",
        "tmpfs": "is gone after a reboot", "ramfs": "is gone after a reboot"}  # fmt: skip
ROOM = 50 * 1024 * 1024


def configuration(
    config: Config, given: str | None, environ: Mapping[str, str]
) -> Iterator[Finding]:
    """Where it was found and why there, who can read it, and what looks wrong in it."""
    group = "configuration"
    why = "--config" if given else "$NOTIFIER_CONFIG" if environ.get("NOTIFIER_CONFIG") else ""
    if not why:
        why = "the system's" if config.path == places.SYSTEM else "yours: there is none in /etc"
    yield well(group, "file", f"{config.path} ({why}), {_owned(config.path)}")
    for line in config.warnings:
        yield odd(group, "doubt", line, "see docs/config.md, and: notifier config check")
    for route in config.routes:
        if route.template != "default" and not _has_template(config, route.template):
            said = f"routes '{route.name}': there is no template '{route.template}'"
            yield bad(group, "template", said, f"put {route.template}.txt.j2 into run.templates")
    yield _zone(config)


def _owned(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return f"{error.strerror}"
    return f"mode {stat.S_IMODE(found.st_mode):03o}, owner {_user(found.st_uid)}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _has_template(config: Config, name: str) -> bool:
    folder = config.path.parent / Path(config.run.templates).expanduser()
    ours = Path(places.__file__).parent
    known = [folder] if config.run.templates else []
    known += [ours / "templates", ours.parent / "templates"]
    return any((one / f"{name}.{kind}.j2").is_file() for one in known for kind in ("txt", "html"))


def _zone(config: Config) -> Finding:
    zone = zone_of(config.run.timezone)
    local = datetime.now(zone)
    name = config.run.timezone or local.tzname() or "UTC"
    why = "run.timezone" if config.run.timezone else "the machine's"
    return well("configuration", "zone", f"{name} ({why}): it is {local:%H:%M} there")


def state(store: Store, now: datetime) -> Iterator[Finding]:
    """The folder and its owner, what is in it, and whether a run is under way."""
    group = "state"
    if not store.folder.exists():
        yield _new_folder(store)
        return
    try:
        files.prepare(store.folder, (store.path, store.former, store.people_path))
    except StateError as error:
        yield bad(group, "folder", str(error), "run as its owner; or state.path, or chown")
        return
    mode = stat.S_IMODE(store.folder.stat().st_mode)
    said = f"{store.folder}, {_owned(store.folder)}"
    # a group may be let through to the spool (docs/emit.md), and to nothing more
    if mode & ~(stat.S_IRWXU | stat.S_IXGRP):
        yield odd(group, "folder", f"{said}: others can look into it", f"chmod 700 {store.folder}")
    else:
        yield well(group, "folder", said)
    yield from _document(store)
    yield from _disk(store.folder)
    if _held(files.beside(store.path, ".lock")):
        yield well(group, "lock", "a run is under way")


def _new_folder(store: Store) -> Finding:
    """The folder is made by the first check, when whoever runs it may make it."""
    above = next((one for one in store.folder.parents if one.exists()), Path("/"))
    if os.access(above, os.W_OK | os.X_OK):
        return well("state", "folder", f"{store.folder} is made by the first check")
    said = f"{store.folder} does not exist, and {_user(os.geteuid())} may not make it"
    fix = f"install -d -m 0700 -o {_user(os.geteuid())} {store.folder}"
    return bad("state", "folder", said, fix)


def _document(store: Store) -> Iterator[Finding]:
    try:
        _, origin = store.load()
        store.people()
    except StateError as error:
        yield bad(
            "state", "document", str(error), "put a copy back, or: notifier state reset --yes"
        )
        return
    if origin == "former":
        said = f"{store.path} is damaged; the generation before it is taken"
        yield odd("state", "document", said, "the next check writes it anew; look at the disk")
    elif origin == "lost":
        said = "the state was lost; the next check looks as for the first time"
        yield odd("state", "document", said, "put a copy of state.json back, if there is one")
    elif origin == "current":
        size = store.path.stat().st_size / 1024
        yield well("state", "document", f"{store.path.name} is sound ({size:,.0f} kB)")


def _disk(folder: Path) -> Iterator[Finding]:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < ROOM or not found.f_favail:
        said = f"only {free / 1024 / 1024:.0f} MB are free for {folder}"
        yield bad("state", "disk", said, "make room: without it nothing is sent")
    kind = file_system(folder, Path("/proc/self/mountinfo"))
    if kind in DISTANT:
        said = f"{folder} lies on {kind}: locks may not hold between machines"
        yield odd("state", "file system", said, "let state.path name a folder on a local disk")
    elif kind in POOR:
        said = f"{folder} lies on {kind}, which {POOR[kind]}"
        yield odd("state", "file system", said, "let state.path name a folder on a disk")
    else:
        yield well("state", "file system", f"{kind or 'unknown'}, {free / 1024**3:,.1f} GB free")


def file_system(folder: Path, mounts: Path) -> str:
    """The type of the file system that a folder lies on; empty when that cannot be known."""
    best, found = -1, ""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        real = folder.resolve()
    except OSError:
        return ""
    for line in lines:
        head, _, tail = line.partition(" - ")
        fields, kind = head.split(), tail.split()
        if len(fields) < 5 or not kind:
            continue
        point = Path(fields[4].encode().decode("unicode_escape", "replace"))
        # what was mounted later lies above
        if (real == point or point in real.parents) and len(point.parts) >= best:
            best, found = len(point.parts), kind[0]
    return found


def _held(lock: Path) -> bool:
    """Whether somebody holds it now; it is let go of at once."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def secret(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether every reference leads to something, and who else can read it. Shows no value."""
    for where, key, value in _references(config):
        try:
            secrets.resolve(value, environ)
        except SecretError as error:
            fix = (
                "set it where cron or the unit runs it" if value.startswith("env:") else _put(value)
            )
            yield secretless("secrets", where, key, error, fix)
            continue
        path = Path(value.removeprefix("file:"))
        if value.startswith("file:") and _open(path):
            yield odd("secrets", where, f"{key}: others can read {path}", f"chmod 600 {path}")
        else:
            yield well("secrets", where, f"{key}: {value} is there")


def _put(value: str) -> str:
    path = value.removeprefix("file:")
    if value.startswith("file:"):
        return f"put the secret into {path}, readable by this user alone"
    return "LoadCredential= in the unit, or use file:"


def _open(path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    # root gives a file to a group on purpose
    others = stat.S_IROTH if found.st_uid == 0 else stat.S_IROTH | stat.S_IRGRP
    return bool(found.st_mode & others)


def watching(config: Config) -> Iterator[Finding]:
    """Whether the file of metrics can be written, where there is to be one."""
    if not config.run.metrics_file:
        return
    path = metrics.place(config)
    if not metrics.available():
        yield bad("watching", "metrics", "prometheus-client is missing", metrics.INSTALL)
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        fix = "make the folder, and let this user write there (ReadWritePaths= in the unit)"
        yield bad("watching", "metrics", f"{path.parent}: cannot be written to", fix)
    else:
        yield well("watching", "metrics", f"{path} can be written")


def _references(config: Config) -> Iterator[tuple[str, str, str]]:
    if config.run.ping_url.startswith(REFERENCES):
        yield "run", "ping_url", config.run.ping_url
    for name, source in config.sources.items():
        token = getattr(source, "token", "")
        if token.startswith(REFERENCES):
            yield name, "token", token
    for name, channel in config.channels.items():
        for key in SECRETS:
            value = getattr(channel, key)
            for one in [value] if isinstance(value, str) else value:
                if one.startswith(REFERENCES):
                    yield name, key, one
