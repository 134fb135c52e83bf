"""Answers that are errors, in the form that OpenAI's clients read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse

from ger.errors import GerError, InputError, UsageError

__all__ = ["RefusedError", "refusal_of"]

_KINDS = {401: "authentication_error", 429: "rate_limit_error", 504: "timeout_error"}


@dataclass(eq=False)
class RefusedError(Exception):
    """Why a request is not answered.

    Attributes:
        status: HTTP status.
        message: What is wrong and what to do, in sentences.
        param: The field of the request that is wrong.
        code: A name for programs.
        headers: Further headers.
    """

    status: int
    message: str
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def value(self) -> dict[str, Any]:
        """As JSON."""
        kind = _KINDS.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    @property
    def response(self) -> JSONResponse:
        """As an answer."""
        return JSONResponse(self.value, self.status, dict(self.headers))


def refusal_of(error: GerError) -> RefusedError:
    """The answer that an error makes: 400 where the request is to blame, 500 otherwise."""
    return RefusedError(400 if isinstance(error, InputError | UsageError) else 500, str(error))
