"""`URL#MODEL`: how a server and a model on it are named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ger.errors import UsageError

__all__ = ["Address"]


@dataclass(frozen=True, slots=True)
class Address:
    """`URL#MODEL,NAME=VALUE,…`, taken apart.

    Attributes:
        url: Where requests go; `/v1` where the address has no path.
        shown: The URL without what may be secret.
        model: The model's name there; empty for none.
        settings: What follows the model.
    """

    url: str
    shown: str
    model: str
    settings: Mapping[str, str]

    @classmethod
    def parse(cls, text: str, who: str, example: str, settings: tuple[str, ...] = ()) -> Address:
        """Take an address apart.

        Args:
            text: The address.
            who: Who needs it, such as `openai backend`.
            example: What to do where it is none.
            settings: Names that may follow the model.

        Raises:
            UsageError: it is no address of a server, holds a password, or a setting that there is not.
        """
        url, _, fragment = text.strip().partition("#")
        model, *rest = fragment.split(",")
        try:
            parts = urlsplit(url)
            host = parts.hostname and parts.netloc.rpartition("@")[2]
            (parts.hostname or "").encode("idna")  # looked up so: labels have 1 to 63 letters
            bad_port = parts.port == 0
        except ValueError:
            host, bad_port = "", True
        if (
            not host
            or bad_port
            or parts.scheme not in ("http", "https")
            or not url.isascii()
            or not url.isprintable()
            or " " in url
        ):
            raise UsageError(f"The {who} needs the address of a server.", example)
        if "@" in parts.netloc:
            raise UsageError(f"The address of {host} holds a user name or password.", "Set GER_API_KEY instead.")
        values = dict(setting.partition("=")[::2] for setting in rest)
        if unknown := values.keys() - set(settings):
            known = f"There are {' and '.join(f'{name}=' for name in settings)}." if settings else "There are none."
            raise UsageError(f"{min(unknown)!r} is no setting of a server's model.", known)
        shown = f"{parts.scheme}://{host}{parts.path.rstrip('/') or '/v1'}"
        query = f"?{parts.query}" if parts.query else ""
        return cls(shown + query, shown, model, values)
