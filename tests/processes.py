"""Processes that do the same at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOGETHER = """
import sys, time, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from facevalue import files
{imports}
Path(sys.argv[1], sys.argv[2]).touch()
while len(list(Path(sys.argv[1]).iterdir())) < {number}:
    time.sleep(0.001)
try:
    {work}
except (OSError, ValueError, RuntimeError) as error:
    print("sentence:", files.error_sentence(error))
else:
    print("result")
"""


def together(folder: Path, imports: str, work: str, *arguments: object, number: int) -> list[str]:
    """Run the same line in several processes at once; return what each of them printed."""
    code = TOGETHER.format(imports=imports, work=work, number=number)
    folder.mkdir()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder), str(k), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for k in range(number)
    ]
    told = []
    for process in started:
        out, problem = process.communicate(timeout=300)
        assert process.returncode == 0, problem
        told.append(out.strip())
    return told
