"""The recorder: notes what passes into and out of a student's network, inside the sandbox, for the diagnosis.

The worker loads this package before `main.py`, in a worker of the diagnosis alone; nothing of it is there
in a graded run. It puts itself round the calls of a MindSpore cell, of a function that MindSpore compiles,
of `onnxruntime.InferenceSession.run`, of a PyTorch module and of a network of `cv2.dnn`. Of calls within
calls only the outermost is noted; with the input of one within, if that is the first to get a picture as
networks are fed. A framework is hooked where it is imported already, or as soon as it is.

Nothing here is to change what `predict` answers, nor to make it fail: whatever goes wrong in the noting is
swallowed, and the student's call is made as it was. The exceptions are questions that ask for them: what the
network says to other input (recipes), in evaluation mode, and with the parameters of a file.

A program can tell that it is recorded, and can forge everything that is noted here. So the grader reads it
as a stranger's, and it explains a score that was found without it.
"""

from .hooks import install

__all__ = ["install"]
