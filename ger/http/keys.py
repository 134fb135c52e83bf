"""Keys of model servers: from the environment or a private file; never shown, never part of a signature."""

from __future__ import annotations

import os
import stat
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from ger.errors import ModelError, UsageError

__all__ = ["api_key", "is_loopback"]


def api_key(url: str) -> str:
    """The key for a server: GER_API_KEY, else the key file, else OPENAI_API_KEY; empty where there is none.

    The file is the one named by GER_API_KEY_FILE, else `ger/api-key` in the user's configuration folder.
    OPENAI_API_KEY, which was likely set for another program, is not sent unencrypted to another machine.

    Raises:
        ModelError: the key file cannot be read, or others can read it.
        UsageError: the key cannot be sent in a header.
    """
    key = os.environ.get("GER_API_KEY", "").strip() or _from_file()
    private = url.startswith("https:") or is_loopback(url)
    if not key and private:
        key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise UsageError("The API key holds characters that cannot be sent.", "Copy it again: one line, plain letters.")
    return key


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_file() -> str:
    named = os.environ.get("GER_API_KEY_FILE", "")
    path = Path(named or _default_file()).expanduser()
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if os.name == "posix" and mode & 0o077:
                raise ModelError(f"The key file {path} can be read by others (mode {mode:04o}).", f"chmod 600 {path}")
            return file.read().strip()
    except FileNotFoundError as error:
        if not named:
            return ""
        raise ModelError(f"The key file {path} does not exist.", "Check GER_API_KEY_FILE.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ModelError(f"The key file {path} cannot be read: {reason}.", "Check GER_API_KEY_FILE.") from error


def _default_file() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config") / "ger" / "api-key"
