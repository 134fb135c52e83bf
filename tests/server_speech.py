"""A real HTTP server on loopback that answers requests for transcriptions as told."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from server_openai import Engine, Refusal, Server

Asked = dict[str, Any]


class SpeechServer(Server):
    """Hears what its script says.

    Args:
        script: The text that is heard in samples (int16) at a temperature; digital silence is not given to it.
        formats: Values of `response_format` that are known.
        granularities: Whether times of words can be asked for.
    """

    def __init__(
        self,
        script: Callable[[Any, float], str],
        formats: tuple[str, ...] = ("json", "verbose_json"),
        *,
        granularities: bool = True,
        key: str = "",
    ) -> None:
        super().__init__(cast(Engine, None), key=key)
        self.script, self.formats, self.granularities = script, formats, granularities
        self.change: Callable[[dict[str, Any]], dict[str, Any]] = lambda value: value

    @property
    def forms(self) -> list[Asked]:
        """The fields of every request for a text, without those with digital silence."""
        return [body for path, body, _ in self.asked if "/audio/" in path and samples(body["file"]).any()]

    def answer(self, path: str, body: Asked) -> dict[str, Any]:
        if path.endswith("/models"):
            return {"data": [{"id": "ear"}]}
        if body.get("model") != "ear" or not path.startswith("/v1/audio/trans"):
            raise Refusal(404, "Not Found")
        if body["response_format"] not in self.formats:
            raise Refusal(400, f"response_format {body['response_format']!r} is not compatible with model 'ear'.")
        if "timestamp_granularities[]" in body and not self.granularities:
            raise Refusal(400, "Unknown parameter: 'timestamp_granularities[]'.")
        heard = samples(body["file"])
        text = self.script(heard, float(body.get("temperature", 0))) if heard.any() else ""
        value: dict[str, Any] = {"text": text}
        if body["response_format"] == "verbose_json":
            part = {"id": 0, "text": text, "avg_logprob": -0.25, "no_speech_prob": 0.125}
            value |= {"language": "en", "duration": len(heard) / 16_000, "segments": [part] if text else []}
            if "timestamp_granularities[]" in body:
                words = text.replace(",", "").rstrip(".").split()
                value["words"] = [{"word": w, "start": i / 2, "end": i / 2 + 0.5} for i, w in enumerate(words)]
        return self.change(value)


def samples(content: bytes) -> Any:
    """The samples of a WAV file, int16."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
