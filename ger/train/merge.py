"""An adapter and its model made one: a folder that needs no peft."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ger.errors import ModelError, UsageError
from ger.models import resolve
from ger.train.adapter import Reading, base_of, causal_model, origin_of
from ger.train.loading import quiet
from ger.train.lora import going_on
from ger.train.work import writing

__all__ = ["merge"]


def merge(adapter: Path, output: Path, model: str = "") -> Path:
    """Write a model with an adapter in its weights, in transformers format, as `--llm` takes it.

    The folder is whole or is not there.

    Args:
        adapter: Folder of the adapter.
        output: The folder to write, new or empty.
        model: The model that the adapter is for; empty for the one it was trained on.

    Returns:
        The folder.

    Raises:
        DependencyError: torch, transformers or peft is not installed.
        ModelError: the adapter cannot be read, its model cannot be found or is another one by now.
        OutputError: the folder cannot be written.
        UsageError: there is something in the folder, or it is the working folder.
    """
    if output.absolute() == Path.cwd():
        raise UsageError(f"{output} is the folder that you are in.", "Name a new one.")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UsageError(f"{output} is there already.", "Choose another output folder.")
    whole, tokenizer = _merged(adapter, model)
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        made = output.with_name(f".{output.name}.{os.getpid()}.ger-tmp")
        try:
            with quiet():
                whole.save_pretrained(made)
                tokenizer.save_pretrained(made)
            if (adapter / Reading.file).is_file():
                shutil.copyfile(adapter / Reading.file, made / Reading.file)
            os.replace(made, output)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return output


def _merged(adapter: Path, model: str) -> tuple[Any, Any]:
    base = resolve(model or base_of(str(adapter)), "lm")
    if not model and (ours := origin_of(adapter)) and ours.identity != base.identity:
        raise ModelError(
            f"{adapter} was trained on {ours.identity}, and {base.name} is {base.identity} here.",
            "Name the model with --model to merge all the same.",
        )
    whole, tokenizer = causal_model(base.path, base.name, {"dtype": "float32"})
    return going_on(whole, adapter).merge_and_unload(), tokenizer
