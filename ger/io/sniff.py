"""Whether a file holds text, for files whose names do not tell."""

from __future__ import annotations

import codecs
import os
import re

__all__ = ["holds_text"]

_HEAD = 4096
#: How play lists begin, which are text and mean audio.
_PLAY_LISTS = (b"#EXTM3U", b"ffconcat ", b"v=0", b"[playlist]", b"<?xml", b"<MPD")
#: How compressed files and Kaldi's binary archives begin, of which readers of text say what is to be done with them.
_PACKED = re.compile(rb"\x1f\x8b|[!-~]+ \0B")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def holds_text(path: str) -> bool:
    """Whether a file is text by its beginning, or packed text; of a folder, that it is no audio is all that is told.

    Devices and pipes are not looked into, as what is read from them is gone.
    """
    if not os.path.isfile(path):
        return os.path.isdir(path)
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD).removeprefix(codecs.BOM_UTF8)
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a character may be cut off at its end
    except UnicodeDecodeError:
        return bool(_PACKED.match(head))
    except OSError:
        return False
    if _PACKED.match(head):
        return True
    return bool(head.strip()) and not (_CONTROL.search(head) or head.lstrip().startswith(_PLAY_LISTS))
