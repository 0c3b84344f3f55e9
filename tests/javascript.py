"""The scripts of live/, run in node."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

LIVE = Path(__file__).parents[1] / "live"

SHOW = """
const plain = (key, x) =>
  ArrayBuffer.isView(x) ? Array.from(x)
  : typeof x === "number" && !Number.isFinite(x) ? String(x)
  : x;
process.stdout.write(JSON.stringify(result, plain));
"""


def run(scripts, expression, **given):
    """The value of a JavaScript expression over the names in `given`, after `scripts` were read.

    `scripts` are file names in live/, or source text. Infinity comes back as the string "Infinity".
    """
    node = shutil.which("node")
    if node is None:
        message = "node is missing: install Debian's package 'nodejs'"
        if "CI" in os.environ:
            pytest.fail(message)
        pytest.skip(message)
    sources = [(LIVE / s).read_text() if s.endswith(".js") else s for s in scripts]
    names = [f"const {name} = {json.dumps(value)};" for name, value in given.items()]
    program = "\n".join([*sources, *names, f"const result = {expression};", SHOW])
    done = subprocess.run([node, "-"], input=program, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
