"""The page of a thing: a link that the person gave, with what the source knows filled in."""

from urllib.parse import quote


def linked(link: str, *, ident: str, name: str, node: str) -> str:
    """`link` with `{id}`, `{name}` and `{node}` filled in, quoted; nothing for what is no URL."""
    if not link.startswith(("https://", "http://")):
        return ""
    for key, value in (("{id}", ident), ("{name}", name), ("{node}", node)):
        link = link.replace(key, quote(value, safe=""))
    return link
