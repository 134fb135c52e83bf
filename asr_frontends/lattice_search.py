"""From log-posteriors to lattices: the decoding graph, and the two engines that search it.

The graph is a grammar (`asr_frontends.lattice_grammar`) under the topology of CTC (Graves et al. 2006, section 3): a
token may go on for several frames, blanks may stand anywhere, and one has to stand between two equal tokens. The
words that may follow share their first tokens, and the best score among them is met where they part, not at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from asr_frontends.lattice_grammar import Arc, Grammar
from ger.errors import DependencyError, UsageError
from ger.io.lattice import Lattice

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.floating]

__all__ = ["Beams", "Graph", "Search", "build", "k2_search", "kaldi_search", "searcher"]

#: More states take some gigabytes.
_MOST_STATES = 5_000_000


@dataclass(frozen=True, slots=True)
class Beams:
    """How wide an engine searches (scaled log-probabilities).

    Attributes:
        acoustic_scale: What log-posteriors are multiplied with beside the grammar's scores.
        beam: How far behind the best path of a frame another may lie.
        lattice: How far behind the best path of the lattice another may lie.
    """

    acoustic_scale: float = 1.0
    beam: float = 16.0
    lattice: float = 10.0


@dataclass(slots=True)
class Graph:
    """A decoding graph; paths begin in state 0.

    Attributes:
        arcs: Source, target, token (`None` for none), number of a word (0 for none), score.
        finals: Scores of the states that paths may end in.
        words: Words by number.
    """

    arcs: list[tuple[int, int, int | None, int, float]] = field(default_factory=list)
    finals: dict[int, float] = field(default_factory=dict)
    words: list[str] = field(default_factory=lambda: [""])

    def without_empty(self) -> Graph:
        """The same paths without arcs that have no token, none of which leads back to where it came from."""
        leaving: dict[int, list[tuple[int, int, int | None, int, float]]] = {}
        for arc in self.arcs:
            leaving.setdefault(arc[0], []).append(arc)
        made = Graph(words=self.words)
        for state in leaving.keys() | self.finals.keys():
            reached = [(state, 0.0)]
            for place, cost in reached:  # grows
                reached += [(arc[1], cost + arc[4]) for arc in leaving.get(place, ()) if arc[2] is None]
                made.arcs += [(state, *a[1:4], cost + a[4]) for a in leaving.get(place, ()) if a[2] is not None]
                if place in self.finals:
                    made.finals[state] = max(made.finals.get(state, -inf), cost + self.finals[place])
        return made


#: A search takes a graph once and then the log-posteriors of segments, shape (frames, symbols).
Search = Callable[["Frames"], Lattice]

#: A place in a grammar: a state, and the tokens of a unit that have been said since.
_Place = tuple[Hashable, tuple[int, ...]]


class _Tree:
    """The arcs of one state of a grammar, merged where their tokens begin alike."""

    def __init__(self, arcs: list[Arc]) -> None:
        self.ends: dict[tuple[int, ...], list[Arc]] = {}
        self.best: dict[tuple[int, ...], float] = {}
        self.after: dict[tuple[int, ...], set[int]] = {}
        for arc in arcs:
            self.ends.setdefault(arc.tokens, []).append(arc)
            for n, token in enumerate(arc.tokens):
                begun = arc.tokens[:n]
                self.after.setdefault(begun, set()).add(token)
                self.best[begun] = max(self.best.get(begun, -inf), arc.score)
        self.best[()] = 0.0


def build(grammar: Grammar, blank: int) -> Graph:
    """The decoding graph of a grammar.

    Raises:
        UsageError: it is too large.
    """
    graph, trees, numbers = Graph(), dict[Hashable, _Tree](), {"": 0}
    first: tuple[_Place, int] = ((grammar.start, ()), blank)
    states, waiting = {first: 0}, [first]

    def state(place: _Place, last: int) -> int:
        number = states.setdefault((place, last), len(states))
        if number == len(waiting):
            waiting.append((place, last))
        return number

    for source, (place, last) in enumerate(waiting):  # grows
        if source == _MOST_STATES:
            raise UsageError(
                f"The decoding graph has more than {_MOST_STATES} states.", "Use a smaller n-gram model or lexicon."
            )
        node, begun = place
        if node not in trees:
            trees[node] = _Tree(list(grammar.arcs(node)))
        tree = trees[node]
        graph.arcs.append((source, source, last, 0, 0.0))
        if last != blank:
            graph.arcs.append((source, state(place, blank), blank, 0, 0.0))
        for token in sorted(tree.after.get(begun, set()) - {last if last != blank else -1}):
            said, so_far = (*begun, token), tree.best[begun]
            if said in tree.after:
                graph.arcs.append((source, state((node, said), token), token, 0, tree.best[said] - so_far))
            for arc in tree.ends.get(said, ()):
                word = numbers.setdefault(arc.word, len(numbers))
                graph.arcs.append((source, state((arc.target, ()), token), token, word, arc.score - so_far))
        if not begun:
            if (less := grammar.backoff(node)) is not None:
                graph.arcs.append((source, state((less[1], ()), last), None, 0, less[0]))
            if (end := grammar.final(node)) is not None:
                graph.finals[source] = end
    graph.words = list(numbers)
    return graph


def searcher(engine: str, device: str) -> tuple[str, Callable[[Graph, Beams], Search]]:
    """The engine of a name and what prepares it for a graph; `auto` is k2 on a GPU where it can be imported.

    Raises:
        DependencyError: the engine is not installed.
        UsageError: there is no such engine, or it does not run on the device.
    """
    if engine == "auto":
        engine = "k2" if device == "cuda" or (device == "auto" and _has_k2()) else "kaldi"
    if engine not in ("k2", "kaldi"):
        raise UsageError(f"There is no engine {engine!r}.", "Use auto, k2 or kaldi.")
    if engine == "kaldi" and device == "cuda":
        raise UsageError("kaldi-decoder does not run on a GPU.", "Use --device cpu, or the engine k2.")
    try:
        if engine == "k2":
            import k2  # noqa: F401
        else:
            import kaldi_decoder  # noqa: F401
            import kaldifst  # noqa: F401
    except ImportError as error:
        if engine == "k2":
            raise UsageError(f"k2 cannot be imported: {error}.", "Install k2 as its documentation says.") from error
        raise DependencyError("kaldi-decoder", "lattice") from error
    return engine, (k2_search if engine == "k2" else kaldi_search)


def _has_k2() -> bool:
    try:
        import k2  # noqa: F401
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


def kaldi_search(graph: Graph, beams: Beams) -> Search:
    """Kaldi's lattice decoder (D. Povey et al., "Generating exact lattices in the WFST framework", ICASSP 2012)."""
    import kaldi_decoder
    import kaldifst
    import numpy as np

    fst = kaldifst.StdVectorFst()
    for _ in range(1 + max(max(source, target) for source, target, *_ in graph.arcs)):
        fst.add_state()
    fst.start = 0
    for source, target, token, word, score in graph.arcs:
        label = 0 if token is None else token + 1
        fst.add_arc(source, kaldifst.StdArc(label, word, -score, target))
    for state, score in graph.finals.items():
        fst.set_final(state, -score)
    config = kaldi_decoder.LatticeSimpleDecoderConfig(
        beam=beams.beam, lattice_beam=beams.lattice, determinize_lattice=False
    )

    def search(logp: Frames) -> Lattice:
        decoder = kaldi_decoder.LatticeSimpleDecoder(fst, config)
        scaled = np.ascontiguousarray(np.maximum(logp * beams.acoustic_scale, -1e4), dtype=np.float32)
        lattice = Lattice("lattice", 1)
        if not len(scaled) or not decoder.decode(kaldi_decoder.DecodableCtc(scaled)):
            return lattice
        _, raw = decoder.get_raw_lattice()
        # Its arcs cannot be had one by one; as text: from, to, label, word, graph cost and acoustic cost.
        for fields in map(str.split, raw.to_str().splitlines()):
            graph_cost, acoustic_cost = _costs(fields[-1]) if len(fields) in (2, 5) else (0.0, 0.0)
            scores = -acoustic_cost / beams.acoustic_scale, -graph_cost
            if len(fields) > 2:
                lattice.arc(int(fields[0]), int(fields[1]), graph.words[int(fields[3])], *scores, 0)
            else:
                lattice.final(int(fields[0]), *scores)
        return lattice

    return search


def _costs(text: str) -> tuple[float, float]:
    first, second = text.split(",")
    return float(first), float(second)


def k2_search(graph: Graph, beams: Beams) -> Search:
    """k2's pruned intersection, on a GPU where there is one."""
    import k2
    import numpy as np
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    count = 1 + max(max(source, target) for source, target, *_ in graph.arcs)
    # k2 wants arcs by source, a token on each, and -1 on arcs to the one final state.
    plain = graph.without_empty()
    rows = [(s, t, token, word, score) for s, t, token, word, score in plain.arcs]
    rows += [(state, count, -1, 0, score) for state, score in plain.finals.items()]
    rows.sort(key=lambda row: row[0])
    text = "\n".join(f"{s} {t} {label} {word} {score!r}" for s, t, label, word, score in rows) + f"\n{count}"
    fsa: Any = k2.arc_sort(k2.Fsa.from_str(text, num_aux_labels=1)).to(device)
    fsa.grammar_scores = fsa.scores.clone()

    def search(logp: Frames) -> Lattice:
        lattice = Lattice("lattice", 1)
        if not len(logp):
            return lattice
        frames = torch.tensor(np.maximum(logp, -1e4), dtype=torch.float32)
        spans = torch.tensor([[0, 0, len(logp)]], dtype=torch.int32)
        dense = k2.DenseFsaVec((frames * beams.acoustic_scale)[None].to(device), spans)
        found: Any = k2.intersect_dense_pruned(fsa, dense, beams.beam, beams.lattice, 30, 10_000)[0].to("cpu")
        if not found.shape[0]:
            return lattice
        last = found.shape[0] - 1
        grammar = found.grammar_scores.tolist()
        acoustic = (found.scores - found.grammar_scores).tolist()
        for arc, a, g, word in zip(
            found.arcs.values().tolist(), acoustic, grammar, found.aux_labels.tolist(), strict=True
        ):
            source, target = arc[0], arc[1]
            lattice.arc(source, target, graph.words[max(0, word)], a / beams.acoustic_scale, g, 0)
        lattice.final(last, 0.0, 0.0)
        return lattice

    return search
