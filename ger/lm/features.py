"""What is known about every hypothesis of every list, as numbers: the table that weights are applied to and tuned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Features"]


@dataclass(frozen=True, slots=True)
class Features:
    """Feature values of lists.

    Attributes:
        names: Names of the columns, such as `acoustic`, `lm`, `words`, `rank`.
        values: One array a list, shape `(hypotheses, len(names))`; a list without hypotheses has no rows.
        allowed: One array a list, shape `(hypotheses,)`: which may be chosen. The first always may.
    """

    names: tuple[str, ...]
    values: Sequence[npt.NDArray[np.float64]]
    allowed: Sequence[npt.NDArray[np.bool_]]
