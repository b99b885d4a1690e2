"""Make files of such names."""

import sys
from pathlib import Path

for name in ("evil<img src=x onerror=alert(1)>.txt", "=HYPERLINK(1).txt", "![](x).md", "{{ 7 * 7 }}.txt"):
    (Path(sys.argv[1]) / name).touch()
