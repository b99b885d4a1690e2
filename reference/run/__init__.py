"""What a run leaves behind: its folder, its pictures and figures, and a submission that is proved to answer.

The face of the package; everything else in it is private.
"""

from reference.run.results import RESULT_FILES, SUMMARY, Looks, summarise, write_files
from reference.run.run_folder import BYTES_NEEDED, RunFolder, Stopwatch
from reference.run.submission import ASK_WORKER, Answers, answer_names, check_submission, cost_ratio

__all__ = [
    "ASK_WORKER",
    "BYTES_NEEDED",
    "RESULT_FILES",
    "SUMMARY",
    "Answers",
    "Looks",
    "RunFolder",
    "Stopwatch",
    "answer_names",
    "check_submission",
    "cost_ratio",
    "summarise",
    "write_files",
]
