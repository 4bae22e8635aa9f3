"""The least that a reader of streams can do: remember places, read on, count. `lines.py FOLDER`."""

import os
import sys
from pathlib import Path

import filelock
import msgspec

folder, memory = Path(sys.argv[1]), Path(sys.argv[1]).with_suffix(".json")
with filelock.FileLock(memory.with_suffix(".lock")):
    known = msgspec.json.decode(memory.read_bytes()) if memory.exists() else {}
    now = {}
    for entry in os.scandir(folder):
        found = entry.stat(follow_symlinks=False)
        before = known.get(entry.name)
        if before and before[:4] == [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]:
            now[entry.name] = before
            continue
        place, counts = (before[4], before[5]) if before else (0, {})
        with open(entry.path, "rb") as file:
            file.seek(place)
            for line in file:
                word = line.rstrip().partition(b" ")[0].decode()
                counts[word] = counts.get(word, 0) + 1
                place += len(line)
        here = [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]
        now[entry.name] = [*here, place, counts]
    if now != known:
        new = memory.with_suffix(".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(now))
            file.flush()
            os.fsync(file.fileno())
        new.replace(memory)
