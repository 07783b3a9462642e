"""Writes a wheel called infill-ls with the program of this checkout, which pip installs in a second.

``python small_wheel.py FOLDER PROGRAM`` prints the path of the wheel.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

NAME, VERSION = "infill_ls", "0.1.0"
METADATA = "Metadata-Version: 2.1\nName: infill-ls\nVersion: 0.1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
ENTRY = "[console_scripts]\ninfill-ls = infill_small:main\n"
MODULE = "import os, sys\n\n\ndef main():\n    os.execv({program!r}, [{program!r}, *sys.argv[1:]])\n"


def main(folder: Path, program: str) -> Path:
    info = f"{NAME}-{VERSION}.dist-info"
    files = {
        "infill_small.py": MODULE.format(program=program),
        f"{info}/METADATA": METADATA,
        f"{info}/WHEEL": WHEEL,
        f"{info}/entry_points.txt": ENTRY,
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = folder / f"{NAME}-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel


if __name__ == "__main__":
    sys.stdout.write(str(main(Path(sys.argv[1]), sys.argv[2])))
