"""Write main.py as GBK, which no editor would keep in a repository of UTF-8."""

import sys
from pathlib import Path

SOURCE = """# 垃圾分类
NAMES = ["塑料瓶", "帽子", "报纸"]


def predict(image):
    return NAMES[int(image[0, 0, 0]) // 80]
"""

(Path(sys.argv[1]) / "main.py").write_bytes(SOURCE.encode("gbk"))
