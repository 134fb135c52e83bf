"""What language models are needed for, and what their backends say they can do.

A backend says it with an attribute `abilities`, a frozenset of `ger.protocols.Ability`: its class says what it can do
at best, an instance what the loaded model or the server behind it turned out to do. One that says nothing, such as an
older plug-in, may be asked for anything and refuses by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ger import registry
from ger.errors import UsageError
from ger.lm.generation import Generation
from ger.protocols import Ability

__all__ = ["abilities_of", "check", "check_backend", "needed"]

_CANNOT: dict[Ability, str] = {
    "score": "cannot score texts",
    "generate": "cannot write text",
    "beams": "gives one answer only",
    "choices": "cannot choose among given texts",
    "chat-choices": "cannot choose among given texts in a chat",
    "slots": "cannot be held to the words of the hypotheses",
    "adapter": "cannot load an adapter",
    "drafts": "cannot follow drafts",
}
_INSTEAD: dict[Ability, str] = {
    "beams": "Use --beams 1, or ",
    "choices": "Use --decoding nearest, in a hybrid --weight generator=0, or ",
    "slots": "Use another --decoding, or ",
    "adapter": "Merge it into the model first (ger train merge ADAPTER -o FOLDER), or use ",
}


def abilities_of(backend: Any) -> frozenset[Ability] | None:
    """What a backend, its class or another way to make it says it can do; `None` where it says nothing."""
    found = getattr(backend, "abilities", None)
    return found if isinstance(found, frozenset) else None


def needed(how: Generation) -> tuple[Ability, ...]:
    """What a language model is needed for that writes in this way."""
    needs: dict[Ability, bool] = {
        "generate": how.decoding != "choice",
        "choices": how.decoding == "choice",
        "slots": how.decoding == "words",
        "beams": how.beams > 1 and how.decoding != "choice",
    }
    return tuple(ability for ability, wanted in needs.items() if wanted)


def check(name: str, backend: Any, needs: Iterable[Ability]) -> None:
    """See that a backend, or its class, can do what is needed.

    Args:
        name: What messages call it.
        backend: The backend.
        needs: What it is needed for.

    Raises:
        UsageError: it says that it cannot.
    """
    found = abilities_of(backend)
    if found is None:
        return
    if lacking := [ability for ability in needs if ability not in found]:
        hint = f"{_INSTEAD.get(lacking[0], 'Use ')}{_others(lacking[0])}."
        raise UsageError(f"{name} {_CANNOT[lacking[0]]}.", hint)


def check_backend(name: str, needs: Iterable[Ability]) -> None:
    """See that the backend of a name can do what is needed; loads no model.

    Raises:
        UsageError: it says that it cannot, or it cannot be imported.
        UnknownNameError: there is no such backend.
    """
    check(f"The backend {name!r}", registry.load("backends", name), needs)


def _others(ability: Ability) -> str:
    """Our own backends that can do something."""
    known = [name for name, target in registry.targets("backends").items() if target.startswith("llm_backends.")]
    able = [name for name in known if ability in (abilities_of(registry.load("backends", name)) or ())]
    return f"one of the backends {', '.join(able)}" if len(able) > 1 else f"the backend {able[0]}"
