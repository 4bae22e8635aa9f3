"""Draws the terminal pictures of the README; needs chromium: `python tests/pictures.py`.

What they show is what the commands print, for a night that is played in memory.
"""

import html
import subprocess
import tempfile
from pathlib import Path

from test_explain import Place
from world import NOON, listing, refuses, thing

OUT = Path(__file__).parents[1] / "docs" / "pictures"
CONFIG = """
[sources.river]
type = "hakuriver"
url = "http://127.0.0.1:9/"
[channels.ops]
webhook = "http://127.0.0.1:9/"
[channels.chat]
webhook = "http://127.0.0.1:9/"
[[routes]]
name = "gpu"
match = { node = "gpu-*" }
channels = ["ops"]
remind = ["4h"]
[[routes]]
name = "team"
channels = ["chat"]
hold = ["night"]
[windows.night]
from = "22:00"
to = "07:00"
timezone = "UTC"
[run]
timezone = "UTC"
"""
PAGE = """<!doctype html><meta charset="utf-8"><style>
html {{ background: #11171d; }}
body {{ margin: 0; color: #d7dee6; padding: 16px 20px; width: {width}px;
  font: 13px/1.5 "DejaVu Sans Mono", monospace; white-space: pre; box-sizing: border-box; }}
b {{ color: #8fd18f; font-weight: 400; }} i {{ color: #f0b35a; font-style: normal; }}
s {{ color: #8b98a5; text-decoration: none; }}
</style><b>$</b> {command}
{said}"""


def night(folder: Path) -> Place:
    """A node dies at 22:14 with two tasks, ops is not reached at first, and it is back at 7:42."""
    place = Place(folder, CONFIG)
    world = place.world

    def look(node: str, *tasks: str) -> None:
        rows = {
            f"75302235537408{number:05}": thing(
                "task", f"75302235537408{number:05}", status, node="gpu-07", part_of="node/gpu-07"
            )
            for number, status in enumerate(tasks)
        }
        nodes = {"gpu-07": thing("node", "gpu-07", node, node="gpu-07"), "cpu-01": "online"}
        world.run(listing("task", rows), listing("node", nodes))

    world.now = NOON.replace(hour=20)
    look("online", "running", "running")
    world.later(hours=2, minutes=14)
    world.answers["ops"] = refuses("connection refused")
    look("offline", "lost", "lost")
    world.answers.clear()
    for _ in range(188):
        world.later(minutes=3)
        look("offline", "lost", "lost")
    world.later(minutes=4)
    look("online", "lost", "lost")
    return place


def draw(name: str, command: str, said: str, width: int) -> None:
    """A picture of what a command printed."""
    shown = html.escape(said, quote=False)
    for sign, tag in ("told at", "i"), ("waited from", "s"), ("not told", "s"):
        shown = shown.replace(sign, f"<{tag}>{sign}</{tag}>")
    page = PAGE.format(width=width, command=html.escape(command), said=shown)
    height = 32 + 20 * (said.count("\n") + 2)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(page, encoding="utf-8")
        subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--disable-gpu",
                f"--user-data-dir={folder}", f"--window-size={width},{height}",
                f"--screenshot={OUT / name}", source.as_uri(),
            ],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def main() -> None:
    """Draws them all."""
    with tempfile.TemporaryDirectory() as folder:
        place = night(Path(folder))
        said = place.explains("gpu-07")
        draw("explain.png", "notifier explain gpu-07", said, 920)
        other = place.path.with_name("new.toml")
        other.write_text(CONFIG.replace('remind = ["4h"]', 'hold = ["night"]'))
        _, said = place.asks("replay", "--against", str(other))
        draw(
            "replay.png", "notifier replay --against new.toml",
            said.replace(str(other), "new.toml"), 920,
        )  # fmt: skip


if __name__ == "__main__":
    main()
