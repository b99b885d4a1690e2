"""Write the files; in a repository, the tools at work on it would run them."""

import sys
from pathlib import Path

PROGRAMS = ("conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "test_all.py")
OTHERS = {
    "evil.pth": "import sys; print('COLLECTED evil.pth')",
    "tox.ini": "[testenv]\ncommands = echo COLLECTED",
    "pyproject.toml": "[build-system]\nrequires = ['collected']",
    "pytest.ini": "[pytest]\naddopts = --collect-only",
}

folder = Path(sys.argv[1])
for name, text in {**{name: f"print('COLLECTED {name}')\nexit(0)" for name in PROGRAMS}, **OTHERS}.items():
    (folder / name).write_text(f"{text}\n", encoding="utf-8")
