"""An environment of its own for a package that is really installed: what Beleg's own has, and nothing by network."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path


class Fresh:
    """A virtual environment that sees the running one's packages, with `pip`, `pytest`, `beleg` and `python`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, with_pip=False)
        self.bin = folder / "bin"
        site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
        ours = sysconfig.get_path("purelib")
        (site / "beleg-and-more.pth").write_text(f"import site; site.addsitedir({ours!r})\n", encoding="utf-8")
        self._script("beleg", "import sys; from beleg.cli import main; sys.exit(main())")
        self._script("pytest", "import sys, pytest; sys.exit(pytest.main())")
        self._script("mypy", "from mypy.__main__ import console_entry; console_entry()")
        (self.bin / "ruff").symlink_to(Path(sys.executable).parent / "ruff")
        # What is asked for is there: the build's requirements and those of a package's test extra are Beleg's own.
        options = "--quiet --no-index --no-build-isolation --disable-pip-version-check"
        pip = f'pip() {{ exec {shlex.quote(sys.executable)} -m pip --python {self.bin}/python "$@"; }}\n'
        pip += f'case "$1" in install|wheel) what=$1; shift; pip $what {options} "$@";; *) pip "$@";; esac\n'
        self._write("pip", f"#!/bin/sh\n{pip}")

    def _script(self, name: str, code: str) -> None:
        self._write(name, f"#!{self.bin}/python\n{code}\n")

    def _write(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def run(self, command: str, folder: Path, *, fails: int = 0) -> str:
        """Run a shell command in a folder; what it prints. It must end with the exit code `fails`."""
        others = ("BELEG_", "PYTEST_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euc", command],
            cwd=folder,
            env={**kept, "PATH": path, "VIRTUAL_ENV": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == fails, f"{command}\nended with {done.returncode}:\n{printed}"
        return printed
