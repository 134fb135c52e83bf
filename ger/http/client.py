"""JSON over HTTP with patience: retries with backoff and jitter, Retry-After, and an end to patience.

Built on `urllib`, so that a remote server needs no further package.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any

from ger.errors import ModelError
from ger.http.keys import is_loopback

__all__ = ["Client", "Policy", "Reply"]

_KEY_HINT = "Set GER_API_KEY, or put the key into a file of mode 0600 and name it in GER_API_KEY_FILE."


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient a client is. Times are seconds.

    Attributes:
        tries: How often a request is sent before it has failed.
        timeout: Longest silence of the server.
        first_wait: Wait after the first failure; it doubles with each further one, and a random part of up to half of
            it is left out, so that waiting clients do not come back together.
        longest_wait: No wait is longer; a server that asks for a longer one has failed.
        patience: After so many failed requests in a row nothing is sent for a while.
        rest: How long nothing is sent; then one request finds out, with one try, whether the server is back.
    """

    tries: int = 6
    timeout: float = 120.0
    first_wait: float = 0.5
    longest_wait: float = 60.0
    patience: int = 5
    rest: float = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered: the JSON object, or why it refused and with which status."""

    value: dict[str, Any]
    refusal: str = ""
    status: int = 200


class _FaultError(Exception):
    """A failure that may pass."""

    def __init__(self, reason: str, after: float = 0.0) -> None:
        super().__init__(reason)
        self.after = after


class Client:
    """Talks to one server; may be used by several threads.

    Args:
        base: URL that all paths are added to.
        key: Sent as a bearer token; empty for none.
        policy: How patient to be.
        sleep: Waits so many seconds.
        clock: Seconds since some moment.
    """

    def __init__(
        self,
        base: str,
        key: str = "",
        policy: Policy | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base, _, query = base.partition("?")
        self._query = f"?{query}" if query else ""
        self._key = key
        self.policy = policy or Policy()
        self._sleep, self._clock = sleep, clock
        self._lock = threading.Lock()
        self._failures, self._closed_until = 0, 0.0
        # Nothing on this machine lies behind a proxy; elsewhere the environment says which one to use.
        proxies = [urllib.request.ProxyHandler({})] if is_loopback(base) else []
        self._opener = urllib.request.build_opener(_NoRedirect, *proxies)

    def get(self, path: str) -> Reply:
        """The answer to a GET request; see `post`."""
        return self._patiently(path, None)

    def post(self, path: str, body: dict[str, Any]) -> Reply:
        """The answer to a POST request. One that the server refuses (4xx, 501) is returned with its reason.

        Raises:
            ModelError: no answer after all retries, a wrong key, an answer that is no JSON object, or the server has
                failed so often that it is not asked for now.
        """
        return self._patiently(path, json.dumps(body).encode())

    def upload(self, path: str, fields: Sequence[tuple[str, str]], name: str, content: bytes) -> Reply:
        """The answer to a form with a file (RFC 7578); see `post`.

        Args:
            path: Where it goes.
            fields: Names and values; a name may come several times.
            name: What the file is called; it is sent in the field `file`.
            content: What is in it.
        """
        border = secrets.token_hex(16)
        head = f"--{border}\r\nContent-Disposition: form-data; name="
        texts = "".join(f'{head}"{field}"\r\n\r\n{value}\r\n' for field, value in fields)
        texts += f'{head}"file"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        data = texts.encode("utf-8", "replace") + content + f"\r\n--{border}--\r\n".encode()
        return self._patiently(path, data, f"multipart/form-data; boundary={border}")

    def _patiently(self, path: str, data: bytes | None, kind: str = "application/json") -> Reply:
        tries = self._admitted()
        for attempt in range(1, tries + 1):
            try:
                reply = self._once(path, data, kind)
            except _FaultError as fault:
                last = fault
            else:
                self._failures = 0
                return reply
            if attempt == tries or last.after > self.policy.longest_wait or self._resting():
                break
            self._sleep(self._wait(attempt, last.after))
        self._note_failure()
        raise ModelError(f"{self._base}: {last} ({_times(attempt)} tried).", "Check that the server runs.") from last

    def _admitted(self) -> int:
        """How many tries a new request has."""
        with self._lock:
            if self._failures < self.policy.patience:
                return self.policy.tries
            if not self._resting():
                self._closed_until = self._clock() + self.policy.rest
                return 1
        raise ModelError(
            f"{self._base}: the server failed {self._failures} times in a row and is not asked for now.",
            "Check that the server runs.",
        )

    def _resting(self) -> bool:
        return self._failures >= self.policy.patience and self._clock() < self._closed_until

    def _note_failure(self) -> None:
        with self._lock:
            self._failures += 1
            if self._failures >= self.policy.patience:
                self._closed_until = self._clock() + self.policy.rest

    def _wait(self, attempt: int, asked: float) -> float:
        """Seconds to wait after a failed attempt (counted from 1)."""
        backoff = min(self.policy.first_wait * 2 ** (attempt - 1), self.policy.longest_wait)
        return float(asked + backoff * random.uniform(0.5, 1.0))

    def _once(self, path: str, data: bytes | None, kind: str) -> Reply:
        headers = {"Accept": "application/json", "Content-Type": kind}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = urllib.request.Request(f"{self._base}/{path}{self._query}", data, headers)
        try:
            with self._opener.open(request, timeout=self.policy.timeout) as response:
                return Reply(_object(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error)
        except TimeoutError as error:
            raise _FaultError(f"no answer within {self.policy.timeout:g} s") from error
        except urllib.error.URLError as error:
            reason = getattr(error.reason, "strerror", None) or error.reason
            raise _FaultError(f"no connection: {reason}") from error
        except (OSError, HTTPException) as error:
            raise _FaultError(f"the connection broke: {error or type(error).__name__}") from error

    def _refused(self, error: urllib.error.HTTPError) -> Reply:
        """An answer with a status that is not 2xx: a refusal, or a fault that may pass."""
        said = self._said(error)
        if error.code in (401, 403):
            raise ModelError(f"{self._base}: the server refused the key ({error.code}): {said}.", _KEY_HINT) from error
        if error.code in (408, 425, 429) or (error.code >= 500 and error.code != 501):
            raise _FaultError(f"the server said {error.code}: {said}", _after(error.headers)) from error
        if 300 <= error.code < 400:
            target = error.headers.get("Location", "").partition("?")[0]
            raise ModelError(f"{self._base}: the server sends us on to {target}.", "Give that address.") from error
        return Reply({}, f"{said} ({error.code})", error.code)

    def _said(self, error: urllib.error.HTTPError) -> str:
        """The server's own words, on one line, without the key."""
        try:
            text = error.read().decode("utf-8", "replace")
        except (OSError, HTTPException):
            text = ""
        said = " ".join((_message(text) or error.reason or "nothing").split())
        return (said.replace(self._key, "…") if self._key else said)[:300].rstrip(".")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to another server and turn POST into GET."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise _FaultError(f"the answer is not JSON: {data[:60]!r}") from error
    if not isinstance(value, dict):
        raise _FaultError(f"the answer is not a JSON object: {data[:60]!r}")
    return value


def _message(text: str) -> str:
    """The message in an error's body, in any of the shapes that servers use."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    while isinstance(value, dict):
        value = next((value[key] for key in ("error", "message", "detail") if key in value), text)
    return value if isinstance(value, str) else text


def _after(headers: Message) -> float:
    """Seconds that the server asks to wait: a number or a date (RFC 9110, 10.2.3); 0 where it does not ask."""
    value = headers.get("Retry-After", "").strip()
    try:
        return float(value) if value[:1].isdigit() else max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
