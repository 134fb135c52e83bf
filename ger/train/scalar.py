"""A language model with a scalar head: one number for a text (Xu et al. 2022, RescoreBERT, section 2.1).

The body is any causal or masked model of transformers without its vocabulary head, whole or its first layers, or a
small new encoder. A trained one is a folder in transformers format with two more files: the head's weights, and
`rescorer.json`, which says how texts are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ger.context import context_of
from ger.errors import ModelError, UsageError
from ger.text.form import FORMS, Form
from ger.text.tokens import well_formed
from ger.train.loading import loading, quiet
from ger.train.recipe import Pooling, RescorerOptions

if TYPE_CHECKING:
    import torch

__all__ = ["DESCRIPTION", "Reading", "ScalarModel", "load", "start"]

#: Name of the file that makes a folder a rescorer.
DESCRIPTION = "rescorer.json"
_HEAD = "head.safetensors"
_SCHEMA = 1
_LAYERS = 2
_POSITIONS = 1024


@dataclass(frozen=True, slots=True)
class Reading:
    """How a rescorer reads a text and what it was trained to be added to.

    Attributes:
        pooling: See `ger.train.recipe.RescorerOptions`; never `auto`.
        form: Written form of the texts it was trained on.
        first_pass: `score` or `rank`.
        acoustic_weight: Weight of that in training.
        base: The model it was made from.
        key: Digest of everything that its training depended on.
    """

    pooling: Pooling
    form: Form = "as-is"
    first_pass: str = "rank"
    acoustic_weight: float = 1.0
    base: str = ""
    key: str = ""

    @classmethod
    def read(cls, folder: Path) -> Reading:
        """Read it from the folder of a rescorer.

        Raises:
            ModelError: the folder is not that of a rescorer.
        """
        try:
            value = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            schema = value.pop("schema")
            reading = cls(**value)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(
                f"{folder} is not a rescorer: {DESCRIPTION} cannot be read: {error}.", "Train one: ger train rescorer."
            ) from error
        if schema != _SCHEMA or reading.form not in FORMS or reading.pooling not in get_args(Pooling)[1:]:
            raise ModelError(f"{folder}: {DESCRIPTION} is not known to this version of ger.", "Train it again.")
        return reading

    def dumps(self) -> str:
        """The file's content."""
        return json.dumps({"schema": _SCHEMA} | asdict(self), ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class ScalarModel:
    """Body, head and tokenizer.

    Attributes:
        body: Model of transformers that gives a state for every token.
        head: Linear layer from a state to one number, in float32.
        tokenizer: The body's tokenizer.
        pooling: See `Reading`.
        name: What errors call it.
    """

    body: Any
    head: torch.nn.Linear
    tokenizer: Any
    pooling: Pooling
    name: str

    @property
    def limit(self) -> int:
        """Most tokens of a text."""
        return context_of(self.body)

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, between the marks of its begin and end.

        Half surrogates, which JSON allows and tokenizers refuse, become replacement characters.
        """
        text = well_formed(text)
        if self.tokenizer.cls_token_id is not None:
            ids: list[int] = self.tokenizer(text, truncation=False, verbose=False).input_ids
            return ids
        end = self.tokenizer.eos_token_id
        start = self.tokenizer.bos_token_id
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        return [end if start is None else start, *ids, end]

    def scores(self, rows: Sequence[list[int]]) -> torch.Tensor:
        """The scalar of each row of token ids, in float32, on the body's device (nats-like, higher is better)."""
        import torch

        longest = max(map(len, rows))
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        ids, mask = ids.to(self.body.device), mask.to(self.body.device)
        rest = {"use_cache": False} if self.body.config.to_dict().get("use_cache") else {}
        states = self.body(input_ids=ids, attention_mask=mask, **rest).last_hidden_state.float()
        return self._pooled(states, mask.unsqueeze(-1))

    def _pooled(self, states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        if self.pooling == "sum":
            pooled = states
        elif self.pooling == "mean":
            pooled = (states * mask).sum(dim=1) / mask.sum(dim=1)
        elif self.pooling == "last":
            index = mask.sum(dim=1, keepdim=True) - 1
            pooled = states.gather(1, index.expand(-1, 1, states.shape[-1])).squeeze(1)
        else:
            pooled = states[:, 0]
        scores: torch.Tensor = self.head(pooled).squeeze(-1)
        return (scores * mask.squeeze(-1)).sum(dim=1) if self.pooling == "sum" else scores

    def save(self, folder: Path) -> None:
        """Write body, tokenizer and head; whoever calls adds `Reading`."""
        from safetensors.torch import save_file

        with quiet():
            self.body.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        save_file({name: value.contiguous() for name, value in self.head.state_dict().items()}, folder / _HEAD)


def start(options: RescorerOptions, folder: Path, name: str) -> ScalarModel:
    """The model that training starts from; new weights come from torch's global generator.

    Args:
        options: How it is trained.
        folder: The model in transformers format.
        name: What errors call it.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the model cannot be loaded, or it is not a causal or masked one.
        UsageError: it has fewer layers than are asked for.
    """
    with loading(name) as transformers:
        import torch

        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if options.init == "random":
            body = transformers.AutoModel.from_config(_new_config(options, tokenizer))
        else:
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            _truncate(config, options.layers, name)
            body = transformers.AutoModel.from_pretrained(
                folder, config=config, dtype=torch.float32, local_files_only=True
            )
        _check(body, tokenizer, name)
        head = torch.nn.Linear(body.config.hidden_size, 1)
        torch.nn.init.normal_(head.weight, std=0.02)
        torch.nn.init.zeros_(head.bias)
    pooling = options.pooling
    if pooling == "auto":
        pooling = "first" if tokenizer.cls_token_id is not None else "last"
    return ScalarModel(body, head, tokenizer, pooling, name)


def load(folder: Path, name: str, device: str, dtype: str) -> tuple[ScalarModel, Reading]:
    """A trained rescorer.

    Args:
        folder: What training has written.
        name: What errors call it.
        device: `cpu` or `cuda`.
        dtype: Precision of the body: `float32`, `bfloat16` or `float16`.

    Raises:
        DependencyError: torch or transformers is not installed.
        ModelError: the folder is not that of a rescorer, or damaged.
    """
    reading = Reading.read(folder)
    with loading(name) as transformers:
        import torch
        from safetensors.torch import load_file

        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        body = transformers.AutoModel.from_pretrained(folder, dtype=getattr(torch, dtype), local_files_only=True)
        head = torch.nn.Linear(body.config.hidden_size, 1)
        head.load_state_dict(load_file(folder / _HEAD))
    model = ScalarModel(body.to(device).eval(), head.to(device).eval(), tokenizer, reading.pooling, name)
    return model, reading


def _truncate(config: Any, layers: int, name: str) -> None:
    """Keep the first layers only."""
    if layers > config.num_hidden_layers:
        raise UsageError(f"layers is {layers}.", f"{name} has {config.num_hidden_layers}.")
    if layers:
        if getattr(config, "layer_types", None):
            config.layer_types = config.layer_types[:layers]
        config.num_hidden_layers = layers


def _new_config(options: RescorerOptions, tokenizer: Any) -> Any:
    """A small bidirectional encoder with 32 channels a head."""
    import transformers

    heads = max(1, options.hidden // 32)
    if options.hidden % heads:
        raise UsageError(f"hidden is {options.hidden}.", "Use a multiple of 32.")
    return transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=options.hidden,
        num_hidden_layers=options.layers or _LAYERS,
        num_attention_heads=heads,
        intermediate_size=4 * options.hidden,
        max_position_embeddings=_POSITIONS,
        pad_token_id=None,
    )


def _check(body: Any, tokenizer: Any, name: str) -> None:
    if body.config.is_encoder_decoder:
        raise ModelError(f"{name} has an encoder and a decoder.", "Use a causal or a masked language model.")
    if tokenizer.cls_token_id is None and tokenizer.eos_token_id is None:
        raise ModelError(f"{name}: its tokenizer has no mark for the end of a text.", "Use another model.")
