"""Tells a dead man's switch that a run ended, how, or that one begins. Its address is a secret."""

import threading
from typing import Literal
from urllib.parse import urlsplit

# seconds that a ping may take in all, and characters of a reason
LIMIT, TEXT = 5.0, 4000
How = Literal["", "start", "fail"]


class Ping:
    """One ping, sent in a thread of its own: whoever waits for it waits `LIMIT` seconds at most."""

    def __init__(self, url: str, how: How = "", text: str = "") -> None:
        self._url, self._how, self._text = url, how, text
        self._trouble = f"no answer in {LIMIT:.0f} s"
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def trouble(self) -> str:
        """What went wrong, without a word of the address; nothing when it was accepted."""
        self._thread.join(LIMIT)
        return self._trouble

    def _send(self) -> None:
        import requests

        try:
            with requests.Session() as session:
                answer = session.request(
                    "POST" if self._how == "fail" else "GET",
                    place(self._url, self._how),
                    data=self._text[:TEXT].encode() or None,
                    headers={"User-Agent": "Notifier"},
                    timeout=LIMIT,
                    allow_redirects=False,
                    stream=True,
                )
                # what it says is not needed, and may never end
                answer.close()
            good = 200 <= answer.status_code < 300
            self._trouble = "" if good else f"http {answer.status_code}"
        except requests.exceptions.SSLError:
            self._trouble = "its certificate is not to be trusted"
        except requests.exceptions.Timeout:
            pass
        except requests.exceptions.ConnectionError:
            self._trouble = "it cannot be reached"
        except Exception as error:
            # the text of these holds the address
            self._trouble = type(error).__name__


def place(url: str, how: How) -> str:
    """The address below which this is told; what stands behind `?` stays there."""
    if not how:
        return url
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{how}").geturl()
