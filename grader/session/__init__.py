"""One grading from end to end, and what all gradings of a process have in common."""

from grader.session.harness import opencv, this_harness
from grader.session.session import MOST_JOBS, Session, StopAsked, TakenIn, grade, open_session, pass_canary
from grader.session.stages import begun, explained, lost

__all__ = [
    "MOST_JOBS",
    "Session",
    "StopAsked",
    "TakenIn",
    "begun",
    "explained",
    "grade",
    "lost",
    "open_session",
    "opencv",
    "pass_canary",
    "this_harness",
]
