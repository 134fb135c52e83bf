"""Models of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ger.errors import DependencyError, DownloadError, ModelError
from ger.models.cache import offline

__all__ = ["ABSENT_HINT", "is_hub_id", "snapshot"]

#: What to do when a model cannot be had from here.
ABSENT_HINT = (
    "Give a local folder instead, or run 'ger models pull' on a machine with a network, copy its cache folder here "
    "and set GER_CACHE to it."
)
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*(@[\w./-]+)?")
_WANTED = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "model.bin"]
_UNWANTED = ["*/*", "consolidated*"]


def is_hub_id(name: str) -> bool:
    """Whether `name` looks like `organization/model` or `organization/model@revision`."""
    return _HUB_ID.fullmatch(name) is not None


def snapshot(
    repo: str, revision: str | None = None, folder: Path | None = None, wanted: Sequence[str] = _WANTED
) -> tuple[Path, str]:
    """Fetch a repository, into `folder` or the hub's own cache, which is enough when the network is forbidden.

    Only files at its top that match one of the patterns in `wanted` are fetched.

    Returns:
        Its folder and the first 8 digits of its commit; the revision as given where the commit is not known.

    Raises:
        DownloadError: the repository cannot be fetched.
        ModelError: it is not in the hub's cache and the network is forbidden.
        DependencyError: huggingface_hub is missing.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise DependencyError("huggingface_hub", "transformers") from error
    try:
        path = Path(
            snapshot_download(
                repo,
                revision=revision,
                local_dir=folder,
                local_files_only=offline(),
                allow_patterns=list(wanted),
                ignore_patterns=_UNWANTED,
            )
        )
    except HFValidationError as error:
        raise ModelError(f"{repo!r} is not a name that the hub can have: {error}.", ABSENT_HINT) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        if offline():
            raise ModelError(f"{repo} is not in the cache, and the network is forbidden.", ABSENT_HINT) from error
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DownloadError(f"{repo} cannot be fetched from the hub: {reason}.", ABSENT_HINT) from error
    return path, path.name[:8] if re.fullmatch(r"[0-9a-f]{40}", path.name) else revision or "main"
