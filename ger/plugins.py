"""Which plug-ins there are, from where, what they lack and which command installs it; imports none of them."""

from __future__ import annotations

import importlib.util
import re
import shutil
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any, get_args

from ger import __version__
from ger.errors import UnknownNameError, UsageError
from ger.needs import NEEDS, Need
from ger.registry import Kind, builtin, names, suggest

__all__ = ["KINDS", "Plugin", "every", "find", "installed_version"]

KINDS: tuple[Kind, ...] = get_args(Kind)

#: A requirement without a condition, such as `torch>=2` (PEP 508); those of extras and platforms have one.
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)[^;]*$")


@dataclass(frozen=True, slots=True)
class Plugin:
    """One plug-in.

    Attributes:
        kind: What it is.
        name: What it is called.
        target: `module:attribute`.
        source: Name of the distribution that it comes from.
        version: That one's version.
        needs: What it needs, packages and programs, each with its version where that is known; `None` where it is not
            installed.
        install: The command that installs what is missing; empty where nothing is.
        problem: Why it cannot be used even so; empty for no reason.
    """

    kind: Kind
    name: str
    target: str
    source: str
    version: str
    needs: dict[str, str | None]
    install: str = ""
    problem: str = ""

    @property
    def missing(self) -> list[str]:
        """What it needs and is not installed."""
        return [name for name, found in self.needs.items() if found is None]

    @property
    def ready(self) -> bool:
        """Whether it can be made, as far as that can be told without importing it."""
        return not self.missing and not self.problem

    def to_json(self) -> dict[str, Any]:
        """A plain JSON value."""
        return {
            "kind": self.kind[:-1],
            "name": self.name,
            "target": self.target,
            "source": self.source,
            "version": self.version,
            "ready": self.ready,
            "needs": self.needs,
            "missing": self.missing,
            "install": self.install,
            "problem": self.problem,
        }


def every(kind: Kind | None = None) -> list[Plugin]:
    """All plug-ins, or those of one kind; our own first, and those of others even where they cannot be used."""
    made: list[Plugin] = []
    for one in (kind,) if kind else KINDS:
        made += [_ours(one, name, target) for name, target in builtin(one).items()]
        taken = set(builtin(one))
        for point in entry_points(group=f"ger.{one}"):
            made.append(_theirs(one, point, hidden=point.name in taken))
            taken.add(point.name)
    return made


def find(name: str, kind: Kind | None = None) -> Plugin:
    """The plug-in of that name.

    Raises:
        UnknownNameError: there is none.
        UsageError: several kinds have one, and none is given.
    """
    found = {plugin.kind: plugin for plugin in reversed(every(kind)) if plugin.name == name}
    if not found:
        known = [known for one in ((kind,) if kind else KINDS) for known in names(one)]
        raise UnknownNameError(f"There is no {kind[:-1] if kind else 'plug-in'} called {name!r}.", suggest(name, known))
    if len(found) > 1:
        choice = " or ".join(one[:-1] for one in sorted(found))
        raise UsageError(f"{name!r} is the name of several plug-ins.", f"Say which: --kind {choice}.")
    return next(iter(found.values()))


def installed_version(package: str) -> str | None:
    """The version of a package by its importable name; `None` where it is not installed."""
    if importlib.util.find_spec(package) is None:
        return None
    try:
        return version(package)
    except PackageNotFoundError:  # installed under another name, or only a folder on the path
        return ""


def _ours(kind: Kind, name: str, target: str) -> Plugin:
    need = NEEDS[kind].get(name, Need())
    needs = {_shown(package): installed_version(package) for package in need.packages}
    if need.program:
        needs[need.program] = "" if shutil.which(need.program) else None
    install = need.install or f"pip install 'ger-asr[{need.extra}]'"
    return Plugin(kind, name, target, "ger", __version__, needs, install if None in needs.values() else "")


def _theirs(kind: Kind, point: EntryPoint, *, hidden: bool) -> Plugin:
    needs = _required(point.dist) if point.dist else {}
    missing = [name for name, found in needs.items() if found is None]
    install = f"pip install {' '.join(missing)}" if missing else ""
    source, made = (point.dist.name, point.dist.version) if point.dist else ("", "")
    return Plugin(kind, point.name, point.value, source, made, needs, install, _problem(point, hidden=hidden))


def _required(distribution: Distribution) -> dict[str, str | None]:
    """What a distribution always needs besides ger, with the versions that are there."""
    found = (_REQUIREMENT.match(text) for text in distribution.requires or ())
    wanted = [match[1] for match in found if match and _shown(match[1].lower()) != "ger-asr"]
    return {name: _version(name) for name in wanted}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _problem(point: EntryPoint, *, hidden: bool) -> str:
    if hidden:
        return "the name is taken already"
    package = point.module.partition(".")[0]
    return "" if importlib.util.find_spec(package) else f"there is no module {package}"


def _shown(package: str) -> str:
    return package.replace("_", "-")
