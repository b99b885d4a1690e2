"""Let the submission in the working directory answer; a program, see `answering` and `inference`."""

from __future__ import annotations

import importlib

import numpy as np

from benchmarks.answering import FloatArray, Request, answer


def main() -> None:
    """Answer one request with the submission's own `predict` and network."""
    request = Request.read()
    submission = importlib.import_module("main")
    import mindspore as ms  # the submission comes first: it decides how MindSpore is imported

    def network(batch: FloatArray) -> FloatArray:
        return np.asarray(submission.network(ms.Tensor(batch)).asnumpy())

    answer(request.images, submission.predict, network)


if __name__ == "__main__":
    main()
