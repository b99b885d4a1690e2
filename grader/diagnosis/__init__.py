"""Why a score is what it is: hypotheses tried on the submission, after it has been graded.

`diagnose` is the one call, `Subject` what it is given, `model`'s `Diagnosis` the one value that comes of it.
`RECORDER` is the program that its recorded workers load.
"""

from grader.diagnosis.diagnosis import diagnose
from grader.diagnosis.subject import RECORDER, Subject

__all__ = ["RECORDER", "Subject", "diagnose"]
