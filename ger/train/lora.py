"""LoRA on a frozen model, with the adapter merged into the weights while it is trained.

peft computes `x W' + s (x A') B'` with two products beside the large one, in both directions. Here the weights
`W + s B A` are put together once a step; forward and backward have one large product each, and the gradients of A and B
come from two thin ones each: `dB = s dY' (x A')`, `dA = s (dY B)' x`. The numbers are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MethodType
from typing import TYPE_CHECKING, Any

from ger.errors import DependencyError, ModelError
from ger.train.h2t_recipe import H2TOptions

if TYPE_CHECKING:
    import torch

__all__ = ["Merged", "adapted"]

_NAME = "default"


def adapted(model: Any, options: H2TOptions, name: str) -> Any:
    """The model with a new adapter (`peft.PeftModel`), whose weights are all that is trained.

    Args:
        model: A causal language model of transformers.
        options: Rank and all that.
        name: What errors call the model.

    Raises:
        DependencyError: peft is not installed.
        ModelError: no layer has one of the names.
    """
    try:
        import peft
    except ImportError as error:
        raise DependencyError("peft", "train") from error
    targets: str | list[str] = [*options.targets]
    config = peft.LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.lora_dropout,
        target_modules="all-linear" if targets == ["all-linear"] else targets,
        task_type="CAUSAL_LM",
        base_model_name_or_path=name,
    )
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:
        raise ModelError(f"{name} cannot get an adapter: {error}.", "Correct `targets` of the recipe.") from error


@dataclass(slots=True)
class _Layer:
    """A linear layer with its adapter, and the sum of both."""

    module: Any
    weight: torch.Tensor
    down: torch.nn.Parameter
    up: torch.nn.Parameter
    scale: float
    merged: torch.Tensor


class Merged:
    """The adapters of a model, merged while inside `on`.

    Args:
        model: A `peft.PeftModel`.
    """

    def __init__(self, model: Any) -> None:
        self._layers = [layer for module in model.modules() if (layer := _layer(module))]
        self.usable = bool(self._layers) and len(self._layers) == sum(hasattr(m, "lora_A") for m in model.modules())

    def refresh(self) -> None:
        """Take in what the last step has changed."""
        import torch

        with torch.no_grad():
            for layer in self._layers:
                torch.addmm(layer.weight, layer.up, layer.down, alpha=layer.scale, out=layer.merged)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Forward passes use the merged weights; `refresh` has to follow each step."""
        forward = _forward()
        for layer in self._layers:
            layer.module.forward = MethodType(forward(layer), layer.module)
        self.refresh()
        try:
            yield
        finally:
            for layer in self._layers:
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
    return _Layer(module, weight, down, up, module.scaling[_NAME], torch.empty_like(weight))


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
