"""Write the list of labels as GBK."""

import sys
from pathlib import Path

(Path(sys.argv[1]) / "labels.txt").write_bytes("塑料瓶\n帽子\n报纸\n".encode("gbk"))
