"""Reads a file of cookies as browsers and `curl -c` write it: a login that somebody made."""

import warnings
from http.cookiejar import CookieJar, LoadError, MozillaCookieJar

from notifier.sources._failed import LookFailed


def cookies(path: str) -> CookieJar:
    """The cookies in a Netscape cookie file. Raises LookFailed (refused) when it is none.

    When one ends by its own date is left to the server, which prolongs a session that is used.
    """
    jar = MozillaCookieJar(path)
    try:
        # it would warn with a part of what it cannot read, and that is a secret
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            jar.load(ignore_discard=True, ignore_expires=True)
    except LoadError:
        reason = "cookie_jar: not a cookie file (as curl -c writes it)"
        raise LookFailed("refused", reason) from None
    except OSError as error:
        raise LookFailed("refused", f"cookie_jar: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise LookFailed("refused", "cookie_jar: not text") from None
    for cookie in jar:
        cookie.expires = None
    return jar
