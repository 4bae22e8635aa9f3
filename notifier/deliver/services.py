"""What is known of services without asking Apprise: the way to write, and how much fits."""

import re

from notifier.settings import ChannelSettings

# the title of a notification; ours is one line
TITLE = 120


def words(text: str) -> frozenset[str]:
    """The words of a line, as a set: tables of names are easier to read so."""
    return frozenset(text.split())


# how text has to be written; every other service takes plain text, which Apprise converts
FLAVOURS = {
    "email": "mailto mailtos",
    "webhook": "webhook webhooks",
    "slack": "slack",
    "mattermost": "mmost mmosts rocket rockets",
    "discord": "discord guilded fluxer fluxers revolt",
    "telegram": "tgram",
    "pagerduty": "pagerduty",
    "opsgenie": "opsgenie",
    "markdown": "gchat workflow workflows wxteams webex zulip",
}

# addresses that a service hands out itself and Apprise takes as they are
NATIVE = (
    ("slack", r"https?://hooks\.slack(-gov)?\.com/"),
    ("discord", r"https?://discord(app)?\.com/api/webhooks/"),
    ("guilded", r"https?://(media\.)?guilded\.gg/webhooks/"),
    ("mmosts", r"https?://mattermost\.[a-z0-9_.-]+(:\d+)?/hooks/"),
    ("gchat", r"https://chat\.googleapis\.com/"),
    ("workflows", r"https?://[a-z0-9_.:-]+(/powerautomate[a-z0-9/]*)?/workflows/"),
    ("webex", r"https?://(webexapis|api\.ciscospark)\.com/"),
    ("fluxer", r"https?://(api\.)?fluxer\.app/"),
)

# they act on this machine, not on people elsewhere
LOCAL = words("syslog dbus qt kde glib gio gnome macosx windows blink1 exec script")

# they do not speak HTTP, so that nothing of the wire is seen: a failure may have arrived
UNSEEN = words(
    "amqp amqps aprs deltachat deltachats growl irc ircs mqtt mqtts rsyslog smpp smpps xmpp xmpps"
)

# characters of body and title together (the class attributes of Apprise 2.2's plug-ins)
TOGETHER = {
    67: "aprs",
    80: "dapnet",
    140: "plivo notifyre twilio sns mobilemessage mobilemsg",
    160: "46elks elks atalk bulksms bulkvs burstsms clickatell clicksend d7sms freemobile httpsms "
    "infobip kavenegar kudosity msg91 msgbird nexmo pushed ringc seven serwersms sfr sinch smsc "
    "smsmanager smsmgr telnyx voipms vonage",
    200: "kakao kakaotalk mastodon mastodons toot toots",
    240: "kumulos strmlabs",
    280: "bluesky bsky tweet twitter x",
    380: "irc ircs splunk victorops",
    512: "misskey misskeys notifico notificos",
    600: "eight00com",
    2000: "discord guilded fluxer fluxers revolt zalo youlmk",
    4000: "gchat mmost mmosts ncloud nclouds tgram zoom",
    7400: "ntfy ntfys",
    10000: "zulip",
    15000: "opsgenie jira",
    30000: "slack email webhook mailto mailtos webhooks json jsons form forms xml xmls matrix "
    "matrixs gotify gotifys signal signals brevo mailgun sendgrid ses",
}
# all that is not named takes at least this
ANY = 1000
SHORT_TITLES = {"revolt": 100, "splunk": 60, "victorops": 60, "zulip": 60}

_FLAVOUR = {schema: flavour for flavour, names in FLAVOURS.items() for schema in names.split()}
_ROOM = {schema: size for size, names in TOGETHER.items() for schema in names.split()}


def schema(settings: ChannelSettings) -> str:
    """The Apprise schema of a destination: the channel's kind, or what its `url` begins with.

    Empty when the URL is none (such as a reference that was not resolved).
    """
    if settings.kind != "url":
        return settings.kind
    for name, pattern in NATIVE:
        if re.match(pattern, settings.url, re.IGNORECASE):
            return name
    found = re.match(r"([a-z0-9]{1,32})://", settings.url.strip(), re.IGNORECASE)
    return found[1].lower() if found else ""


def flavour_of(name: str) -> str:
    """How text is written for the schema `name`."""
    return _FLAVOUR.get(name, name if name in FLAVOURS else "plain")


def flavour(settings: ChannelSettings) -> str:
    """How text has to be written for this destination; see FLAVOURS. Imports no Apprise.

    `slack`: plain words with `&`, `<` and `>` as entities; `telegram`: Telegram's HTML;
    `mattermost`, `discord`, `markdown`: Markdown with its signs escaped; all others: plain text.
    """
    return flavour_of(schema(settings))


def limits(settings: ChannelSettings) -> tuple[int, int]:
    """The most characters of (title, body) that certainly fit together, for rendering."""
    name = schema(settings)
    room = _ROOM.get(name, ANY)
    title = min(SHORT_TITLES.get(name, TITLE), room // 4)
    return title, room - title - 2
