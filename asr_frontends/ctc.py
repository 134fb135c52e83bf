"""Search, score and alignment for recognizers with a CTC output (Graves et al. 2006), in plain numpy.

All functions take the log-posteriors of one recording, shape (frames, symbols), natural logarithms that sum to one in
each frame, and the symbol that stands for "nothing new" (`blank`). Texts are sequences of symbols without blanks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asr_frontends.beams import Path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Frames = npt.NDArray[np.floating]

__all__ = ["align", "forward", "prefix_search"]


def prefix_search(logp: Frames, beam: int, *, blank: int = 0, symbols: int = 0) -> list[Path]:
    """The most probable texts, best first: prefix beam search (Hannun et al. 2014), scored again without its pruning.

    Args:
        logp: Log-posteriors, shape (frames, symbols).
        beam: Prefixes kept after every frame, and so many texts come back at most.
        blank: The symbol of "nothing new".
        symbols: How many of the most probable symbols of a frame may go on a prefix; 0 for as many as `beam`.

    Returns:
        Different token sequences with log p(tokens | audio) in nats, summed over all alignments; the empty one too.
    """
    import numpy as np

    trie = _Trie()
    nodes = [trie.root]
    ended, going = (
        np.zeros(1),
        np.full(1, -np.inf),
    )  # log-probabilities of the prefixes: with a blank at the end, without
    for row in np.asarray(logp, dtype=np.float64):
        last = np.array([trie.token[node] for node in nodes])
        total = np.logaddexp(ended, going)
        stays = np.where(last >= 0, going + row[last], -np.inf)
        likely = _likely(row, symbols or beam, blank)
        more = np.where(likely[None] == last[:, None], ended[:, None], total[:, None]) + row[likely]
        # A prefix that is in the beam already is reached from its parent too: one of them keeps both.
        at = {node: place for place, node in enumerate(nodes)}
        columns = {int(symbol): column for column, symbol in enumerate(likely)}
        for place, node in enumerate(nodes):
            parent, token = at.get(trie.parent[node]), trie.token[node]
            if parent is not None:
                before = ended[parent] if trie.token[nodes[parent]] == token else total[parent]
                stays[place] = np.logaddexp(stays[place], before + row[token])
                if token in columns:
                    more[parent, columns[token]] = -np.inf
        blanks = total + row[blank]
        values = np.concatenate([np.logaddexp(blanks, stays), more.ravel()])
        kept = _best(values, beam)
        old, new = kept[kept < len(nodes)], kept[kept >= len(nodes)] - len(nodes)
        ended = np.concatenate([blanks[old], np.full(len(new), -np.inf)])
        going = np.concatenate([stays[old], more.ravel()[new]])
        grown = [trie.child(nodes[place // len(likely)], int(likely[place % len(likely)])) for place in new]
        nodes = [*(nodes[place] for place in old), *grown]
    texts = [trie.path(node) for node in nodes]
    paths = [Path(text, score) for text, score in zip(texts, forward(logp, texts, blank=blank), strict=True)]
    return sorted(paths, key=lambda path: (-path.score, path.tokens))


def forward(logp: Frames, texts: Sequence[Sequence[int]], *, blank: int = 0) -> list[float]:
    """log p(text | audio) of each text in nats, over all its alignments (Graves et al. 2006, equations 6 to 8).

    A text that needs more frames than there are has minus infinity.
    """
    import numpy as np

    frames = np.asarray(logp, dtype=np.float64)
    if not texts:
        return []
    places = 2 * max(map(len, texts)) + 1
    labels = np.full((len(texts), places), blank)
    for row, text in zip(labels, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    skips = _skips(labels, blank)
    alpha = np.full(labels.shape, -np.inf)
    alpha[:, 0] = 0.0  # before the first frame; from here both the first blank and the first symbol can be reached
    first = True
    for row in frames:
        alpha = _step(alpha, skips, first=first) + row[labels]
        first = False
    ends = np.array([2 * len(text) for text in texts])
    every = np.arange(len(texts))
    last = np.where(ends > 0, alpha[every, np.maximum(ends - 1, 0)], -np.inf)
    return [float(value) for value in np.logaddexp(alpha[every, ends], last)]


def align(logp: Frames, tokens: Sequence[int], *, blank: int = 0) -> list[tuple[int, int]]:
    """The most probable alignment of a text: first frame of each token and the frame after its last.

    Raises:
        ValueError: the text needs more frames than there are.
    """
    import numpy as np

    frames = np.asarray(logp, dtype=np.float64)
    labels = np.full(2 * len(tokens) + 1, blank)
    labels[1::2] = tokens
    skips = _skips(labels[None], blank)[0]
    score = np.full(len(labels), -np.inf)
    score[0] = 0.0
    came = np.zeros((len(frames), len(labels)), dtype=np.int8)
    for t, row in enumerate(frames):
        ways = np.full((3, len(labels)), -np.inf)
        ways[0] = score
        ways[1, 1:] = score[:-1]
        if t:
            ways[2, 2:] = np.where(skips[2:], score[:-2], -np.inf)
        came[t] = ways.argmax(axis=0)
        score = ways.max(axis=0) + row[labels]
    place = len(labels) - 1
    if tokens and score[place - 1] > score[place]:
        place -= 1
    if not np.isfinite(score[place]):
        raise ValueError(f"{len(tokens)} tokens do not fit into {len(frames)} frames.")
    spans = [(len(frames), 0)] * len(tokens)
    for t in reversed(range(len(frames))):
        if place % 2:
            first, after = spans[place // 2]
            spans[place // 2] = (min(first, t), max(after, t + 1))
        place -= int(came[t, place])
    return spans


class _Trie:
    """Prefixes as numbers; the same prefix has the same number for ever."""

    root = 0

    def __init__(self) -> None:
        self.parent = [-1]
        self.token = [-1]
        self._children: dict[tuple[int, int], int] = {}

    def child(self, node: int, token: int) -> int:
        """The prefix `node` with one more token."""
        number = self._children.setdefault((node, token), len(self.parent))
        if number == len(self.parent):
            self.parent.append(node)
            self.token.append(token)
        return number

    def path(self, node: int) -> tuple[int, ...]:
        """The tokens of a prefix."""
        tokens = []
        while node:
            tokens.append(self.token[node])
            node = self.parent[node]
        return tuple(reversed(tokens))


def _likely(row: Floats, count: int, blank: int) -> npt.NDArray[np.intp]:
    """The most probable symbols of a frame, the blank not among them."""
    import numpy as np

    others = np.delete(np.arange(len(row)), blank)
    return np.sort(others[np.argsort(-row[others], kind="stable")[:count]])


def _best(values: Floats, count: int) -> npt.NDArray[np.intp]:
    """Places of the largest values above minus infinity, in their order."""
    import numpy as np

    places = np.argsort(-values, kind="stable")[:count]
    return np.sort(places[values[places] > -np.inf])


def _skips(labels: npt.NDArray[np.int64], blank: int) -> npt.NDArray[np.bool_]:
    """Where the blank before a symbol may be left out: after another symbol; shape as `labels`."""
    import numpy as np

    skips = np.zeros(labels.shape, dtype=bool)
    skips[:, 2:] = (labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])
    return skips


def _step(alpha: Floats, skips: npt.NDArray[np.bool_], *, first: bool) -> Floats:
    """The sum over the places from which each place can be reached; in the first frame no blank has been left out."""
    import numpy as np

    reached = alpha.copy()
    reached[:, 1:] = np.logaddexp(reached[:, 1:], alpha[:, :-1])
    if not first:
        reached[:, 2:] = np.logaddexp(reached[:, 2:], np.where(skips[:, 2:], alpha[:, :-2], -np.inf))
    return reached
