"""Pack a submission three times."""

import io
import sys
import zipfile
from pathlib import Path


def packed(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr(name, content)
    return file.getvalue()


content = packed("main.py", b"def predict(image):\n    return 'Hats'\n")
for _ in range(2):
    content = packed("inner.zip", content)
folder = Path(sys.argv[1])
folder.with_name(f"{folder.name}.zip").write_bytes(content)
