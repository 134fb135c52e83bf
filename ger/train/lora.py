"""LoRA on a frozen model, with the adapter merged into the weights while it is trained.

peft computes `x W' + s (x A') B'` with two products beside the large one, in both directions. Here the weights
`W + s B A` are put together once a step; forward and backward have one large product each, and the gradients of A and B
come from two thin ones each: `dB = s dY' (x A')`, `dA = s (dY B)' x`. The numbers are the same but for rounding.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MethodType
from typing import TYPE_CHECKING, Any

from ger.errors import DependencyError, ModelError, UsageError
from ger.registry import suggest
from ger.train.adapter_options import AdapterOptions

if TYPE_CHECKING:
    import torch

__all__ = ["Merged", "adapted", "going_on"]

_NAME = "default"
_ALL = "all-linear"
_HINT = "Give the folder that `ger train` wrote, and the model it was trained on."


def adapted(model: Any, options: AdapterOptions, name: str, start: Path | None = None) -> Any:
    """The model with an adapter (`peft.PeftModel`), whose weights are all that is trained.

    Args:
        model: A causal language model of transformers.
        options: Rank and all that, for a new adapter.
        name: What the adapter's settings and errors call the model.
        start: Folder of an adapter to go on from; `None` for a new one.

    Raises:
        DependencyError: peft is not installed.
        ModelError: the adapter does not go on the model.
        UsageError: no layer has one of the names.
    """
    model.requires_grad_(False)
    made = going_on(model, start, train=True) if start else _new(model, options)
    made.peft_config[_NAME].base_model_name_or_path = name
    return made


def going_on(model: Any, start: Path, *, train: bool = False) -> Any:
    """The model with an adapter from a folder (`peft.PeftModel`).

    Raises:
        DependencyError: peft is not installed.
        ModelError: the adapter does not go on the model.
    """
    peft = _peft()
    import safetensors

    try:
        with _quietly():
            warnings.filterwarnings("error", "Found missing adapter keys", UserWarning)  # a misfit is not passed over
            return peft.PeftModel.from_pretrained(model, str(start), is_trainable=train, local_files_only=True)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        UserWarning,
        safetensors.SafetensorError,
    ) as error:
        said = " ".join(str(error).split())[:300]
        raise ModelError(f"{start}: the adapter does not go on this model: {said}.", _HINT) from error


def _new(model: Any, options: AdapterOptions) -> Any:
    peft = _peft()
    config = peft.LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.lora_dropout,
        target_modules=_targets(model, options.targets),
        task_type="CAUSAL_LM",
    )
    with _quietly():
        return peft.get_peft_model(model, config)


def _peft() -> Any:
    try:
        import peft
    except ImportError as error:
        raise DependencyError("peft", "train") from error
    return peft


def _targets(model: Any, wanted: Sequence[str]) -> str | list[str]:
    """Names of layers as peft wants them.

    Raises:
        UsageError: no layer has one of the names.
    """
    import torch

    names = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | torch.nn.Embedding)]
    for target in wanted if wanted != (_ALL,) else ():
        if not any(name == target or name.endswith(f".{target}") for name in names):
            known = sorted({name.rpartition(".")[2] for name in names} | {_ALL})
            raise UsageError(f"targets: the model has no layer {target!r}.", suggest(target, known))
    return _ALL if wanted == (_ALL,) else [*wanted]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what peft 0.21 makes transformers 5.23 warn of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


@dataclass(slots=True)
class _Layer:
    """A linear layer with its adapter, and the sum of both."""

    module: Any
    weight: torch.Tensor
    down: torch.nn.Parameter
    up: torch.nn.Parameter
    scale: float
    merged: torch.Tensor | None = None


class Merged:
    """The adapters of a model, merged while inside `on`, where peft's own switches have no effect.

    Layers with dropout or with weights that are not in float32 go peft's own way.

    Args:
        model: A `peft.PeftModel`.
    """

    def __init__(self, model: Any) -> None:
        self._layers = [layer for module in model.modules() if (layer := _layer(module))]
        self._active = False

    @property
    def layers(self) -> int:
        """How many layers are merged."""
        return len(self._layers)

    def refresh(self) -> None:
        """Take in what the last step has changed."""
        import torch

        with torch.no_grad():
            for layer in self._layers if self._active else ():
                torch.addmm(layer.weight, layer.up, layer.down, alpha=layer.scale, out=layer.merged)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Forward passes use the merged weights; `refresh` has to follow each step."""
        import torch

        forward = _forward()
        for layer in self._layers:
            layer.merged = torch.empty_like(layer.weight)
            layer.module.forward = MethodType(forward(layer), layer.module)
        self._active = True
        self.refresh()
        try:
            yield
        finally:
            self._active = False
            for layer in self._layers:
                layer.merged = None
                del layer.module.forward


def _layer(module: Any) -> _Layer | None:
    """A plain linear layer in float32 with one adapter; others go peft's own way."""
    import torch

    base = getattr(module, "base_layer", None)
    if not isinstance(base, torch.nn.Linear) or type(base) is not torch.nn.Linear or base.weight.dtype != torch.float32:
        return None
    if type(module).__name__ != "Linear" or [*module.lora_A] != [_NAME] or module.use_dora.get(_NAME):
        return None
    if not isinstance(module.lora_dropout[_NAME], torch.nn.Identity):
        return None
    down, up = module.lora_A[_NAME].weight, module.lora_B[_NAME].weight
    weight = base.weight.detach()
    return _Layer(module, weight, down, up, module.scaling[_NAME])


def _forward() -> Callable[[_Layer], Callable[..., Any]]:
    """What makes a layer's forward function."""
    import torch

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, merged: Any, down: Any, up: Any, scale: float) -> Any:
            ctx.save_for_backward(x, merged, down, up)
            ctx.scale = scale
            return torch.nn.functional.linear(x, merged)

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            x, merged, down, up = ctx.saved_tensors
            wide = gradients[0].flatten(0, -2)
            flat = x.flatten(0, -2)
            thin = wide @ up
            to_down = (thin.T @ flat).mul_(ctx.scale)
            to_up = (wide.T @ (flat @ down.T)).mul_(ctx.scale)
            to_x = (wide @ merged).view_as(x) if ctx.needs_input_grad[0] else None
            return to_x, None, to_down, to_up, None

    def made(layer: _Layer) -> Callable[..., Any]:
        def forward(module: Any, x: Any, *_: Any, **__: Any) -> Any:
            y = Product.apply(x, layer.merged, layer.down, layer.up, layer.scale)  # type: ignore[no-untyped-call]
            bias = module.base_layer.bias
            return y if bias is None else y + bias

        return forward

    return made
