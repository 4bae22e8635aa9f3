"""Words of services that say more than their HTTP status. Only these words are ever repeated."""

import json

from notifier.deliver.outcome import Verdict, channel, content

# api.slack.com/messaging/webhooks "Handling errors"; docs.slack.dev chat.postMessage "Errors"
_SLACK = {
    "channel": (
        "account_inactive action_prohibited channel_is_archived channel_not_found invalid_auth "
        "invalid_token is_archived missing_scope no_active_hooks no_service no_service_id no_team "
        "not_authed not_in_channel posting_to_general_channel_denied team_disabled "
        "token_expired token_revoked user_not_found"
    ),
    "content": "invalid_attachments invalid_blocks invalid_payload msg_too_long no_text "
    "too_many_attachments",
    "retry": "fatal_error internal_error rate_limited ratelimited request_timeout rollup_error "
    "service_unavailable",
}
_WORDS = {word: kind for kind, words in _SLACK.items() for word in words.split()}

# core.telegram.org/bots/api "Making requests": a sentence in `description`
_TELEGRAM = {
    "Bad Request: chat not found": "telegram: chat not found",
    "Bad Request: group chat was upgraded to a supergroup chat": "telegram: the chat has moved",
    "Bad Request: message thread not found": "telegram: topic not found",
    "Bad Request: not enough rights to send text messages to the chat": "telegram: no rights",
}


def of_words(schema: str, body: bytes) -> Verdict | None:
    """The verdict that a service's own words give, or None when there are none that we know."""
    if schema == "slack":
        word = _field(body, "error") or body[:80].decode("ascii", "replace").strip()
        kind = _WORDS.get(word)
        if kind == "retry":
            return Verdict("retry", f"slack: {word}")
        if kind:
            return (channel if kind == "channel" else content)(f"slack: {word}")
    elif schema == "tgram":
        reason = _TELEGRAM.get(_field(body, "description"))
        return channel(reason) if reason else None
    return None


def _field(body: bytes, name: str) -> str:
    try:
        value = json.loads(body)[name]
    except (ValueError, LookupError, TypeError):
        return ""
    return value if isinstance(value, str) else ""
