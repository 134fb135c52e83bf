"""Lattices that pocketsphinx writes, with its language model applied to every path.

pocketsphinx keeps one node for each word and first frame, and on each edge the acoustic score of the word that ends
there. Its trigrams are not in the lattice: they are looked up here, one state for each node and the words before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from ger.errors import ModelError
from ger.io.lattice import Lattice

__all__ = ["END", "START", "LanguageModel", "WordGraph", "expand", "read", "times"]

START, END = "<s>", "</s>"

_NAMES = {"!NULL": "", "!SENT_START": START, "!SENT_END": END}

#: Natural-log probability of a word after those before it, the nearest one last.
LanguageModel = Callable[[str, tuple[str, ...]], float]


@dataclass(frozen=True, slots=True)
class WordGraph:
    """A lattice with words on its nodes.

    Attributes:
        words: The word of each node, an empty one for silence and noise; a node never leads to one with a greater
            number.
        starts: When each begins (seconds).
        edges: For each node those to its successors, with the acoustic score (nats) of its own word.
        first: Where all paths begin.
        last: Where they end.
    """

    words: list[str]
    starts: list[float]
    edges: list[list[tuple[int, float]]]
    first: int
    last: int


def read(path: Path, least: float = 0.0) -> WordGraph:
    """A lattice in HTK's format (Young et al., The HTK Book, chapter 20) as `pocketsphinx.Lattice.write_htk` writes it.

    Args:
        path: The file.
        least: Edges with a smaller posterior probability are left out.

    Raises:
        ModelError: the file is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        heads = dict(line.split("=", 1) for line in lines if line.startswith(("start=", "end=")))
        nodes = [_fields(line) for line in lines if line.startswith("I=")]
        words = [_NAMES.get(node["W"], node["W"]) for node in nodes]
        edges: list[list[tuple[int, float]]] = [[] for _ in nodes]
        for link in (_fields(line) for line in lines if line.startswith("J=")):
            if float(link["p"]) >= least:
                edges[int(link["S"])].append((int(link["E"]), float(link["a"])))
        return WordGraph(words, [float(node["t"]) for node in nodes], edges, int(heads["start"]), int(heads["end"]))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: this is no lattice of pocketsphinx: {error!r}.") from error


def _fields(line: str) -> dict[str, str]:
    return dict(field.split("=", 1) for field in line.split("\t"))


def expand(graph: WordGraph, lm: LanguageModel, order: int, scale: float, width: int) -> Lattice:
    """The lattice with words and both scores on its arcs; each state knows the words that the next one depends on.

    Args:
        graph: What pocketsphinx found.
        lm: Its language model.
        order: Words in the longest n-grams.
        scale: What acoustic scores are multiplied with when histories are compared.
        width: So many histories of a node are followed, those with the best scores.
    """
    lattice = Lattice("lattice", 1)
    states: dict[tuple[int, tuple[str, ...]], int] = {}
    reached: list[dict[tuple[str, ...], float]] = [{} for _ in graph.words]
    reached[graph.first][(START,)] = 0.0
    closed = graph.words[graph.last] in ("", END)  # by the end of the sentence; else a word was cut off
    for node in reversed(range(len(graph.words))):
        histories = sorted(reached[node].items(), key=lambda item: -item[1])[:width]
        for history, total in histories:
            state = states.setdefault((node, history), len(states))
            if node == graph.last:
                lattice.final(state, 0.0, 0.0 if closed else lm(END, history))
                continue
            for target, acoustic in graph.edges[node]:
                word = END if target == graph.last and closed else graph.words[target].replace(START, "")
                score = lm(word, history) if word else 0.0
                longer = (*history, word)[max(0, len(history) + 2 - order) :] if word else history
                new = total + scale * acoustic + score
                reached[target][longer] = max(reached[target].get(longer, -inf), new)
                aim = states.setdefault((target, longer), len(states))
                lattice.arc(state, aim, "" if word == END else word, acoustic, score, 0)
    return lattice


def times(graph: WordGraph, words: Sequence[str]) -> list[tuple[float, float]]:
    """Start and end (seconds) of each word on the acoustically best path with these words.

    Raises:
        ValueError: no path has them.
    """
    best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]] = {(graph.first, 0): (0.0, None)}
    for node in reversed(range(len(graph.words))):
        for said in range(len(words) + 1):
            if (node, said) not in best:
                continue
            total = best[node, said][0]
            for target, acoustic in graph.edges[node]:
                real = graph.words[target] not in ("", START, END)
                if real and (said == len(words) or graph.words[target] != words[said]):
                    continue
                place, new = (target, said + real), total + acoustic
                if place not in best or best[place][0] < new:
                    best[place] = new, (node, said)
    if (graph.last, len(words)) not in best:
        raise ValueError(words)
    return list(reversed(list(_spans(graph, best, len(words)))))


def _spans(
    graph: WordGraph, best: dict[tuple[int, int], tuple[float, tuple[int, int] | None]], count: int
) -> Iterator[tuple[float, float]]:
    """Times of the words, last first."""
    place: tuple[int, int] | None = (graph.last, count)
    end = graph.starts[graph.last]
    while place:
        node, said = place
        place = best[node, said][1]
        if place and place[1] < said:
            yield graph.starts[node], end
        end = graph.starts[node]
