"""One tree of errors, each a sentence and what to do."""

import inspect
import pickle
import re

import pytest

from ger import errors
from ger.errors import DependencyError, DownloadError, GerError, InputError, UsageError

CLASSES = [getattr(errors, name) for name in errors.__all__]


def drawn() -> dict[str, str]:
    """Class and parent as the tree at the top of the file draws them."""
    parents, path = {}, ["GerError"]
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"([│ ]*)[├└]── (\w+)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            parents[match[2]] = path[depth - 1]
            path[depth:] = [match[2]]
    return parents


def test_the_tree_is_the_one_drawn() -> None:
    assert {error.__name__: error.__bases__[0].__name__ for error in CLASSES if error is not GerError} == drawn()


def test_all_is_complete() -> None:
    public = [name for name, value in vars(errors).items() if inspect.isclass(value)]
    assert sorted(public) == sorted(errors.__all__)


@pytest.mark.parametrize("error", [error for error in CLASSES if error is not DependencyError])
def test_message_and_hint(error: type[GerError]) -> None:
    raised = error("a.wav is empty.", "Record it again.")
    assert (raised.message, raised.hint) == ("a.wav is empty.", "Record it again.")
    assert str(raised) == "a.wav is empty. Record it again."
    assert str(error("a.wav is empty.")) == "a.wav is empty."


@pytest.mark.parametrize("error", [error for error in CLASSES if error is not DependencyError])
def test_errors_travel_between_processes(error: type[GerError]) -> None:
    copy = pickle.loads(pickle.dumps(error("message", "hint")))
    assert type(copy) is error
    assert (copy.message, copy.hint) == ("message", "hint")


def test_a_missing_package_names_the_command() -> None:
    assert str(DependencyError("nemo", "nemo")) == "nemo is not installed. Run: pip install 'ger-asr[nemo]'"


def test_only_a_failed_download_is_worth_a_retry() -> None:
    assert [error.__name__ for error in CLASSES if error.retryable] == ["DownloadError"]
    assert DownloadError("x").retryable


def test_one_bad_input_is_no_usage_error() -> None:
    assert not issubclass(InputError, UsageError)
