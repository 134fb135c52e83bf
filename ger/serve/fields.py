"""Fields of OpenAI's interface that make no difference here, and those that would: these are refused.

What is in none of the lists passes, as clients send fields of other servers, too.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Request

from ger.serve.refusals import RefusedError

__all__ = ["check"]

#: What clients rely on where they ask for it, and what to do instead.
_MISSING = {
    "include": "Tokens have no log-probabilities here. Leave it out; segments of verbose_json have avg_logprob.",
    "keywords": "Words that may occur are called hotwords here, with commas between them.",
    "known_speaker_names": "Speakers are not told apart here. Leave it out.",
    "known_speaker_references": "Speakers are not told apart here. Leave it out.",
    "languages": "A recording has one language here. Send it as language, or have it detected.",
}
_GRANULARITIES = "timestamp_granularities"

_Temperature = Annotated[
    float, Form(ge=0, le=1, allow_inf_nan=False, description="Makes no difference: nothing is drawn at random.")
]
_Chunking = Annotated[str, Form(description="`auto`, which is what is always done.")]


async def check(request: Request, temperature: _Temperature = 0.0, chunking_strategy: _Chunking = "auto") -> None:
    """Refuse a form with fields that would have to make a difference and make none.

    Args:
        request: The request; its form was read.
        temperature: Checked and not used.
        chunking_strategy: Only `auto` is there.

    Raises:
        RefusedError: it has such a field; names it.
    """
    form = await request.form()
    for field in form:
        name = field.partition("[")[0]
        if message := _MISSING.get(name):
            raise _refused(name, message)
        if name == "chunking_strategy" and (name, chunking_strategy) != (field, "auto"):
            raise _refused(name, "Speech is looked for in one way only. Use auto, or leave it out.")
    if _GRANULARITIES in form:
        raise _refused(_GRANULARITIES, f"Call it {_GRANULARITIES}[].")
    if f"{_GRANULARITIES}[]" in form and form.get("response_format") != "verbose_json":
        raise _refused(_GRANULARITIES, "Times are in verbose_json only. Use that as response_format, or leave it out.")


def _refused(field: str, message: str) -> RefusedError:
    return RefusedError(400, f"{field}: {message}", param=field)
