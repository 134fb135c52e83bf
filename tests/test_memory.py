"""What glibc keeps of memory that was freed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import ctypes, sys, threading
from ger.memory import few_arenas
if sys.argv[2] == "few":
    few_arenas()
libc, met = ctypes.CDLL(None), threading.Barrier(8)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
def work():
    met.wait()
    libc.malloc(1000)
    met.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is what Linux has")
@pytest.mark.parametrize(("how", "few"), [("few", True), ("many", False)])
def test_threads_share_what_was_freed(how: str, few: bool, tmp_path: Path) -> None:
    told = tmp_path / "malloc.xml"
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(told), how], capture_output=True, text=True)
    if "undefined symbol" in done.stderr or "not found" in done.stderr:
        pytest.skip("this C library is not glibc")
    assert done.returncode == 0, done.stderr
    assert (told.read_text().count("<heap") <= 2) is few
