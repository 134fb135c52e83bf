"""Whisper from CTranslate2's format into that of transformers: the same weights for both, to compare with.

    python tests/whisper_weights.py MODEL FOLDER

MODEL is a name of `ger models ls` or a folder with `model.bin`. The weights become float32; those that were int8 are
multiplied out. The layout of `model.bin` is that of version 6 of CTranslate2's binary format (little endian)::

    uint32 version; string name; uint32 revision
    uint32 count;  string name, uint8 rank, uint32 shape[rank], uint8 type, uint32 bytes, data   (count times)
    uint32 count;  string alias, string name                                                     (count times)

where a string is an uint16 length, the text and a zero byte, both counted.
"""

from __future__ import annotations

import json
import shutil
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Tensor = npt.NDArray[Any]

_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
_TIMESTAMPS = 1501  # 0.00 s to 30.00 s


def read(path: Path) -> dict[str, Tensor]:
    """The variables of a `model.bin`, int8 ones as float32."""
    with path.open("rb") as stream:
        if (version := _number(stream, "I")) != 6:
            raise ValueError(f"{path}: version {version} of the binary format is not known.")
        _string(stream)
        _number(stream, "I")
        variables = dict(_variable(stream) for _ in range(_number(stream, "I")))
    return {
        name: value.astype(np.float32) / scale.reshape(-1, 1)
        if (scale := variables.get(f"{name}_scale")) is not None
        else value
        for name, value in variables.items()
        if not name.endswith("_scale")
    }


def _number(stream: BinaryIO, kind: str) -> int:
    return int(struct.unpack(f"<{kind}", stream.read(struct.calcsize(kind)))[0])


def _string(stream: BinaryIO) -> str:
    return stream.read(_number(stream, "H"))[:-1].decode()


def _variable(stream: BinaryIO) -> tuple[str, Tensor]:
    name = _string(stream)
    shape = [_number(stream, "I") for _ in range(_number(stream, "B"))]
    kind = _TYPES[_number(stream, "B")]
    return name, np.frombuffer(stream.read(_number(stream, "I")), dtype=kind).reshape(shape)


def renamed(variables: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of transformers' WhisperForConditionalGeneration; projections that were joined are apart."""
    made: dict[str, Tensor] = {}
    for side in ("encoder", "decoder"):
        parts = {n.removeprefix(f"{side}/"): v for n, v in variables.items() if n.startswith(f"{side}/")}
        put = _Side(made, parts, f"model.{side}.")
        put.copy("embed_positions.weight", "position_encodings/encodings")
        put.norm("layer_norm", "layer_norm")
        if side == "encoder":
            put.linear("conv1", "conv1")
            put.linear("conv2", "conv2")
        else:
            put.copy("embed_tokens.weight", "embeddings/weight")
        for layer in range(_layers(parts)):
            _layer(put, f"layers.{layer}.", f"layer_{layer}/")
    return made


def _layers(parts: dict[str, Tensor]) -> int:
    return 1 + max(
        int(name.split("/")[0][6:]) for name in parts if name.startswith("layer_") and "norm" not in name[:12]
    )


def _layer(put: _Side, to: str, source: str) -> None:
    put.linear(to + "self_attn.", source + "self_attention/linear_0", ("q_proj", "k_proj", "v_proj"))
    put.linear(to + "self_attn.out_proj", source + "self_attention/linear_1")
    put.norm(to + "self_attn_layer_norm", source + "self_attention/layer_norm")
    if "decoder" in put.prefix:
        put.linear(to + "encoder_attn.q_proj", source + "attention/linear_0")
        put.linear(to + "encoder_attn.", source + "attention/linear_1", ("k_proj", "v_proj"))
        put.linear(to + "encoder_attn.out_proj", source + "attention/linear_2")
        put.norm(to + "encoder_attn_layer_norm", source + "attention/layer_norm")
    put.linear(to + "fc1", source + "ffn/linear_0")
    put.linear(to + "fc2", source + "ffn/linear_1")
    put.norm(to + "final_layer_norm", source + "ffn/layer_norm")


class _Side:
    """Copies variables of the encoder or the decoder under their other names."""

    def __init__(self, made: dict[str, Tensor], parts: dict[str, Tensor], prefix: str) -> None:
        self.made, self.parts, self.prefix = made, parts, prefix

    def copy(self, to: str, source: str) -> None:
        self.made[self.prefix + to] = self.parts[source].astype(np.float32)

    def norm(self, to: str, source: str) -> None:
        self.copy(to + ".weight", source + "/gamma")
        self.copy(to + ".bias", source + "/beta")

    def linear(self, to: str, source: str, names: tuple[str, ...] = ("",)) -> None:
        for kind in ("weight", "bias"):
            for name, part in zip(names, np.split(self.parts[f"{source}/{kind}"], len(names)), strict=True):
                if (name, kind) != ("k_proj", "bias"):  # there is none; the joined vector holds zeros
                    self.made[f"{self.prefix}{to}{name}.{kind}"] = np.ascontiguousarray(part, dtype=np.float32)


def convert(source: Path, folder: Path) -> None:
    """Write `folder`, which `WhisperForConditionalGeneration.from_pretrained` loads, from one in CTranslate2 format."""
    import transformers
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    variables = read(source / "model.bin")
    weights = renamed(variables)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(source / "tokenizer.json", folder)
    tokenizer = {"tokenizer_class": "WhisperTokenizer", "model_max_length": 1024}
    tokenizer |= dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>")
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer), "utf-8")
    table = json.loads((source / "config.json").read_text("utf-8"))
    vocabulary = {
        t["content"]: t["id"] for t in json.loads((source / "tokenizer.json").read_text("utf-8"))["added_tokens"]
    }
    config = _config(variables, weights, vocabulary)
    config.save_pretrained(folder)
    mels = weights["model.encoder.conv1.weight"].shape[1]
    transformers.WhisperFeatureExtractor(feature_size=mels).save_pretrained(folder)
    _generation(table, vocabulary, config.vocab_size).save_pretrained(folder)


def _config(variables: dict[str, Tensor], weights: dict[str, Tensor], vocabulary: dict[str, int]) -> Any:
    import transformers

    words, width = weights["model.decoder.embed_tokens.weight"].shape
    sizes = {}
    for side in ("encoder", "decoder"):
        sizes[f"{side}_layers"] = len({name.split(".")[3] for name in weights if f"{side}.layers." in name})
        sizes[f"{side}_attention_heads"] = int(variables[f"{side}/num_heads"])
        sizes[f"{side}_ffn_dim"] = weights[f"model.{side}.layers.0.fc1.weight"].shape[0]
    start, end = vocabulary["<|startoftranscript|>"], vocabulary["<|endoftext|>"]
    return transformers.WhisperConfig(
        vocab_size=words,
        d_model=width,
        num_mel_bins=weights["model.encoder.conv1.weight"].shape[1],
        decoder_start_token_id=start,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        architectures=["WhisperForConditionalGeneration"],
        **sizes,
    )


def _generation(table: dict[str, Any], vocabulary: dict[str, int], words: int) -> Any:
    import transformers

    end = vocabulary["<|endoftext|>"]
    languages = {name: token for name, token in vocabulary.items() if token in table["lang_ids"]}
    return transformers.GenerationConfig(
        decoder_start_token_id=vocabulary["<|startoftranscript|>"],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        suppress_tokens=table["suppress_ids"],
        begin_suppress_tokens=table["suppress_ids_begin"],
        alignment_heads=table["alignment_heads"],
        lang_to_id=languages,
        task_to_id={task: vocabulary[f"<|{task}|>"] for task in ("transcribe", "translate")},
        no_timestamps_token_id=words - _TIMESTAMPS - 1,
        is_multilingual=len(languages) > 1,
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    from ger.models import resolve

    convert(resolve(sys.argv[1], "recognizer").path, Path(sys.argv[2]))
