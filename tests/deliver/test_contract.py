"""What we rely on in Apprise and requests, so that a release that changes it fails here."""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

import apprise
import pytest
import requests
from apprise import AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins import N_MGR, url_to_dict
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.opsgenie import NotifyOpsgenie
from apprise.plugins.pagerduty import NotifyPagerDuty
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from deliver.ends import PLENTY, HttpEnd, letter, settings

from notifier.deliver import engine, flavour, limits, plugins, send, services
from notifier.deliver.email import NotifyEmail
from notifier.deliver.probe import install, watching

SERVICES: Any = N_MGR


def every_plugin() -> Iterator[tuple[str, Any]]:
    """(schema, class) of all that Apprise knows."""
    for plugin in SERVICES.plugins(include_disabled=True):
        for names in (plugin.protocol, plugin.secure_protocol):
            for schema in [names] if isinstance(names, str) else names or []:
                yield schema, plugin


def test_apprise_is_of_the_line_that_was_read() -> None:
    assert apprise.__version__.startswith("2.2.")


def test_what_speaks_no_http_is_known() -> None:
    """Also: no service acts on this machine alone without our knowing it."""
    silent = set()
    for schema, plugin in every_plugin():
        module = inspect.getsource(sys.modules[plugin.__module__])
        if not re.search(
            r"\brequests\.(post|request|get|put|Session|delete)\b|self\._fetch", module
        ):
            silent.add(schema)
    # guilded is discord with another address, matrix and mailto are packages
    inherited = {"guilded", "matrix", "matrixs", "mailto", "mailtos", "jellyfin", "jellyfins"}
    assert silent - inherited == services.UNSEEN | services.LOCAL - {"exec", "script"}


def test_what_we_say_of_room_fits_every_service() -> None:
    for schema, plugin in every_plugin():
        title, text = limits(settings(url=f"{schema}://x"))
        most_text, most_title = plugin.body_maxlen, plugin.title_maxlen
        if not isinstance(most_text, int) or not isinstance(most_title, int):
            continue
        if most_title == 0 or plugin.overflow_amalgamate_title:
            assert title + text + 2 <= most_text, schema
        else:
            assert (title, text) <= (most_title, most_text), schema
            assert text <= most_text, schema


def test_services_whose_room_depends_are_given_the_least() -> None:
    varying = {
        schema
        for schema, plugin in every_plugin()
        if not isinstance(plugin.body_maxlen, int) or not isinstance(plugin.title_maxlen, int)
    }
    least = {"twilio": 160, "sns": 160, "notifyre": 160, "mobilemessage": 160, "mobilemsg": 160}
    least |= {"wxteams": 1000, "webex": 1000, "x": 280, "twitter": 280, "tweet": 280}
    least |= dict.fromkeys(("mastodon", "mastodons", "toot", "toots"), 500)
    least |= dict.fromkeys(("matrix", "matrixs"), 65000)
    least |= dict.fromkeys(("xmpp", "xmpps"), 32768) | {"github": 65536}
    assert varying == set(least)
    for schema, room in least.items():
        assert sum(limits(settings(url=f"{schema}://x"))) <= room


def test_every_parameter_that_a_service_reads_is_declared_or_known_to_us() -> None:
    for _, plugin in every_plugin():
        source = inspect.getsource(sys.modules[plugin.__module__])
        read = set(re.findall(r'qsd"\](?:\[|\.get\()\s*"([^"]+)"', source))
        declared = {name.lower() for name in (*plugin.template_args, *plugin.template_tokens)}
        assert read - declared <= engine.UNDECLARED, plugin


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "https://hooks.slack-gov.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "https://discord.com/api/webhooks/123/abc",
        "https://discordapp.com/api/webhooks/123/abc",
        "https://media.guilded.gg/webhooks/0123-abc/token",
        "https://api.fluxer.app/webhooks/123/token",
        "https://mattermost.example.org/hooks/token",
        "https://chat.googleapis.com/v1/spaces/room/messages?key=k&token=t",
        "https://x.azure.com:443/workflows/643e/triggers/manual/paths/invoke?api-version=1&sp=a&sv=1&sig=s",
        "https://api.ciscospark.com/v1/webhooks/incoming/" + "a" * 80,
        "https://webexapis.com/v1/webhooks/incoming/" + "a" * 80,
    ],
)
def test_an_address_that_a_service_hands_out_is_written_for_as_that_service(url: str) -> None:
    parsed = url_to_dict(url)
    assert parsed is not None
    assert flavour(settings(url=url)) == services.flavour_of(str(parsed["schema"])) != "plain"


def test_no_service_takes_an_address_for_which_we_would_write_plain_text() -> None:
    """The others that hand out addresses take plain text."""
    written = {name for names in services.FLAVOURS.values() for name in names.split()}
    found = {
        schema
        for schema, plugin in every_plugin()
        if "parse_native_url" in vars(plugin) and schema in written
    }
    assert found == {
        "slack", "discord", "guilded", "fluxer", "fluxers", "mmost", "mmosts", "gchat",
        "workflow", "workflows", "wxteams", "webex",
    }  # fmt: skip


def test_the_asset_is_taken_as_we_set_it() -> None:
    assert isinstance(engine.ASSET, AppriseAsset)
    assert engine.ASSET.http_redirects is False
    assert engine.ASSET.app_id == "Notifier"
    assert engine.ASSET.image_url(NotifyType.FAILURE) is None
    assert engine.ASSET.storage_mode.value == "memory"


def test_slack_has_what_our_plug_in_leans_on() -> None:
    plugin = plugins.slack("http://127.0.0.1:9/services/T0/B0/xyz", engine.ASSET)
    assert NotifySlack.webhook_url == "https://hooks.slack.com/services"
    assert plugin.webhook_url == "http://127.0.0.1:9/services"
    assert plugin.resolve_format(NotifyFormat.TEXT) is NotifyFormat.TEXT
    assert NotifySlack.dialect_convert(plugin, "<", NotifyFormat.TEXT) == "&lt;"
    assert plugin.dialect_convert("<", NotifyFormat.TEXT) == "<"


def test_the_others_have_what_our_plug_ins_lean_on() -> None:
    assert NotifyTelegram.notify_format == (NotifyFormat.HTML, NotifyFormat.MARKDOWN)
    assert NotifyTelegram.notify_url == "https://api.telegram.org/bot"
    assert {"dedup", "action"} <= vars(NotifyPagerDuty(apikey="a", integrationkey="b")).keys()
    assert {"alias", "action", "region_name"} <= vars(NotifyOpsgenie(apikey="a", targets="")).keys()
    assert "params" in inspect.signature(NotifyOpsgenie._fetch).parameters
    assert "payload" in inspect.signature(NotifyDiscord._send).parameters
    discord = NotifyDiscord(webhook_id="1", webhook_token="a")
    assert not discord.ping
    mail = NotifyEmail(host="localhost", from_addr="a@localhost", targets="b@localhost")
    assert {"smtp_host", "port", "secure_mode", "headers", "reply_to", "cc", "bcc", "pgp_mode"} <= (
        vars(mail).keys()
    )
    assert mail.targets == [(False, "b@localhost")]


def test_a_plug_in_sends_in_the_thread_that_calls_it_and_lets_its_errors_through() -> None:
    class Broken(apprise.NotifyBase):  # type: ignore[misc,no-untyped-call,unused-ignore]
        def send(self, body: str, **_: Any) -> bool:  # type: ignore[override,unused-ignore]
            raise LookupError(body)

    with pytest.raises(LookupError, match="text"):
        Broken(asset=engine.ASSET).notify(body="text", title="t", body_format=NotifyFormat.TEXT)


def test_requests_passes_everything_through_session_send_with_these_options() -> None:
    source = inspect.getsource(requests.Session.request)
    assert "self.send(prep, **send_kwargs)" in source
    assert "get_netrc_auth(" in inspect.getsource(requests.Session.prepare_request)
    assert "_content" in vars(requests.Response())


def test_what_others_send_is_not_touched() -> None:
    install()
    head = "HTTP/1.1 302 X\r\nLocation: /there\r\nConnection: close\r\n"
    moved = head + "Content-Length: 0\r\n\r\n"
    with HttpEnd(moved, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as end:
        assert requests.get(end.url, timeout=PLENTY).text == "ok"
    with HttpEnd(moved) as end, watching(PLENTY) as watch:
        assert requests.get(end.url, timeout=PLENTY).status_code == 302
    assert [exchange.status for exchange in watch.exchanges] == [302]


def test_the_wrappers_are_put_in_place_once() -> None:
    install()
    first = requests.Session.send
    install()
    assert requests.Session.send is first


def test_an_answer_without_end_is_read_only_so_far() -> None:
    huge = "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + "x" * 100_000
    with HttpEnd(huge) as end:
        receipt = send(letter(settings(webhook=end.url)), PLENTY)
    assert receipt.outcome == "delivered"
