from pathlib import Path

import pytest
from fixtures_models import Shelf

from ger import models
from ger.errors import ModelError, UnknownNameError, UsageError
from ger.models.locate import local_identity


def _folder(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text(name)
    return path


def test_a_local_folder_is_used_as_it_is(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "mine", "config.json", "model.bin", "tokenizer.json")
    found = models.resolve(str(folder), "recognizer")
    assert found.path == folder
    assert found.identity == local_identity(folder)
    assert found.identity.startswith("mine@")


@pytest.mark.parametrize("weights", ["model.safetensors", "model-00001-of-00002.safetensors", "pytorch_model.bin"])
def test_a_language_model_may_have_its_weights_in_several_forms(tmp_path: Path, weights: str) -> None:
    folder = _folder(tmp_path / "mine", "config.json", weights)
    assert models.resolve(str(folder), "lm").path == folder


@pytest.mark.parametrize(
    ("kind", "names", "missing"),
    [
        ("recognizer", ("config.json", "tokenizer.json"), r"a recognizer: it has no model\.bin.*CTranslate2"),
        ("recognizer", ("model.bin",), r"a recognizer: it has no config\.json"),
        (
            "lm",
            ("config.json", "model.bin", "tokenizer.json"),
            r"a language model: it has no weights \(\*\.safetensors",
        ),
        ("lm", ("model.safetensors",), r"a language model: it has no config\.json.*transformers"),
    ],
)
def test_a_folder_that_lacks_a_file_is_named_with_it(
    tmp_path: Path, kind: models.ModelKind, names: tuple[str, ...], missing: str
) -> None:
    folder = _folder(tmp_path / "mine", *names)
    with pytest.raises(ModelError, match=rf"{folder} cannot be used as {missing}"):
        models.resolve(str(folder), kind)


def test_formats_of_recognizers(tmp_path: Path) -> None:
    here = _folder(tmp_path / "here", "config.json", "model.safetensors")
    there = _folder(tmp_path / "there", "config.json", "model.bin", "tokenizer.json")
    assert models.resolve(str(here), "recognizer", form="transformers").path == here
    with pytest.raises(
        ModelError, match=rf"no model\.bin\. It is in transformers format: use --model transformers:{here}"
    ):
        models.resolve(str(here), "recognizer")
    with pytest.raises(ModelError, match=rf"no weights.* in CTranslate2 format: use --model faster-whisper:{there}"):
        models.resolve(str(there), "recognizer", form="transformers")
    with pytest.raises(UsageError, match=r"is in CTranslate2 format.* --model faster-whisper:whisper-base"):
        models.resolve("whisper-base", "recognizer", form="transformers")


def test_of_several_gguf_files_one_has_to_be_chosen(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "mine", "a.gguf", "b.gguf")
    with pytest.raises(ModelError, match=r"holds 2 \.gguf files.*path of one"):
        models.resolve(str(folder), "lm")


@pytest.mark.parametrize(("kind", "expected"), [("lm", "a folder or a .gguf file"), ("recognizer", "a folder")])
def test_another_file_is_no_model(tmp_path: Path, kind: models.ModelKind, expected: str) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ModelError, match=rf"notes\.txt is not a model\..* is {expected}\.$"):
        models.resolve(str(tmp_path / "notes.txt"), kind)


def test_a_folder_that_is_not_there(shelf: Shelf) -> None:
    with pytest.raises(ModelError, match=r"There is no folder /nowhere/at/all\."):
        models.resolve("/nowhere/at/all", "lm")


def test_names_that_are_known_are_of_the_kind_that_is_needed(shelf: Shelf) -> None:
    with pytest.raises(UnknownNameError, match=r"Known: whisper-base\. A hub id"):
        models.resolve("xyz", "recognizer")
    with pytest.raises(UnknownNameError, match=r"Known: smollm2-135m-instruct, gemma-3-270m\. A hub id"):
        models.resolve("xyz", "lm")


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [
        ("large-v3", "Systran/faster-whisper-large-v3", "openai/whisper-large-v3"),
        ("large", "Systran/faster-whisper-large-v3", "openai/whisper-large-v3"),
        ("whisper-small.en", "Systran/faster-whisper-small.en", "openai/whisper-small.en"),
        ("turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", "openai/whisper-large-v3-turbo"),
    ],
)
def test_sizes_of_whisper_are_named_with_their_ids(shelf: Shelf, name: str, here: str, there: str) -> None:
    for form, id in (("ctranslate2", here), ("transformers", there)):
        with pytest.raises(UnknownNameError, match=rf"no model called '{name}'\. On the hub it is {id}\.$"):
            models.resolve(name, "recognizer", form=form)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="Did you mean 'whisper-base'"):
        models.resolve("base", "recognizer")


def test_a_model_of_the_other_kind_is_refused_before_it_is_fetched(shelf: Shelf) -> None:
    with pytest.raises(UsageError, match=r"whisper-base is a recognizer, not a language model.*smollm2-135m-instruct"):
        models.resolve("whisper-base", "lm")
    assert not shelf.cache.exists()


def test_the_identity_survives_copying_and_changes_with_training(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40_000
    first, second = _folder(tmp_path / "a" / "mine"), _folder(tmp_path / "b" / "mine")
    for folder in (first, second):
        (folder / "model.bin").write_bytes(content)
        (folder / "config.json").write_text("{}")
    (second / "README.md").write_text("A word on it.")
    assert local_identity(first) == local_identity(second)
    (second / "model.bin").write_bytes(bytes(byte ^ 1 for byte in content))
    assert local_identity(first) != local_identity(second)
    (second / "model.bin").write_bytes(content)
    (second / "config.json").write_text("[]")
    assert local_identity(first) != local_identity(second)
