"""Kill a save at every tenth line that it runs, zipfile's included, and look at what is left.

``python tests/checkpoint/killed_save.py FOLDER`` ends with an error unless that is always the
checkpoint before or the one after, whole, and at most one temporary file, which the next save
removes.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from fnn import init, key
from fnn.checkpoint import load, save

BEFORE, AFTER = (init(key(0), (1, 1)), "before"), (init(key(1), (1, 1)), "after")


def die_at(line: int) -> None:
    """Have this process kill itself when it comes to the line of that number from now on."""
    left = line

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= event == "line"
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def main(folder: Path) -> None:
    path = folder / "run.npz"
    found, temporaries = [], []
    for line in range(0, 10**6, 10):
        save(path, BEFORE)
        assert [*folder.iterdir()] == [path], f"left behind before line {line}"
        child = os.fork()
        if child == 0:
            die_at(line)
            save(path, AFTER)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        temporaries.append(len([*folder.iterdir()]) - 1)
        (layer,), name = load(path, like=BEFORE)
        found.append(name)
        want = AFTER if name == "after" else BEFORE
        assert layer.w == want[0][0].w, f"mixed up at line {line}"
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    changes = [a for a, b in pairwise(found) if a != b]
    assert changes == ["before"], f"expected one moment of change, got {found}"
    assert max(temporaries) == 1
    print(len(found), "kills,", sum(temporaries), "temporaries removed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
