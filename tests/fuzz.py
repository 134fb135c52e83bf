"""Looks for files that readers cannot stand, guided by coverage; needs `pip install atheris`.

    python tests/fuzz.py FAMILY --minutes 10     families: subtitles, rows, json, lists, lattices, records
    python tests/fuzz.py FAMILY FILE             reads one finding again

A finding is an exception that is not ger's own, a refusal that names no file, what takes 10 seconds or a gigabyte, and
a document that does not keep what is not changed (see `fuzz_families.py`). The run ends with the first one, which is
written to the working folder as `fuzz-FAMILY-…`; the exit code is not 0 then.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from fuzz_mutations import mutated


def main() -> None:
    """Fuzz a family."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family")
    parser.add_argument("file", nargs="?", help="a finding to read again")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seconds", type=int, default=10, help="how long a file may take; more on a busy machine")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what reached something new, for the next run")
    asked = parser.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed. Run: pip install atheris")
    # Kept until the next run: the fuzzer ends the process without any cleaning up.
    folder = Path(tempfile.gettempdir(), f"ger-fuzz-{Path(asked.family).name}")
    shutil.rmtree(folder, ignore_errors=True)
    corpus = asked.corpus or folder / "corpus"
    for path in (folder, corpus):
        path.mkdir(parents=True, exist_ok=True)
    with atheris.instrument_imports(include=["ger"]):
        from fuzz_families import FAMILIES, seeds, tried

        if asked.family not in FAMILIES:
            parser.error(f"there is no family {asked.family!r}: {', '.join(FAMILIES)}")
        kinds = FAMILIES[asked.family]
        given = seeds(kinds)
        for number, seed in enumerate(given):
            (corpus / f"seed-{number}").write_bytes(seed)
            tried(kinds, seed, folder)  # also imports all that will be read with

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        made = atheris.Mutate(data, most) if seed % 4 == 0 else mutated(data, seed, given)
        return bytes(made[:most])

    options = ["-rss_limit_mb=1024", f"-timeout={asked.seconds}", f"-artifact_prefix=fuzz-{asked.family}-"]
    if asked.file:
        options.append(asked.file)
    else:
        minutes = f"-max_total_time={round(60 * asked.minutes)}"
        options += [minutes, "-max_len=8000", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *options], lambda data: tried(kinds, data, folder), custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
