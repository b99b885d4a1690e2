"""Why a score is what it is: hypotheses tried on the submission, after it has been graded.

`diagnose` is the one call, `Subject` what it is given, `model`'s `Diagnosis` the one value that comes of it.
"""

from grader.diagnosis.diagnosis import diagnose
from grader.diagnosis.subject import Subject

__all__ = ["Subject", "diagnose"]
