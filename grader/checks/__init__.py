"""What official grading does beside asking every image: the canary before, the replay afterwards."""

from grader.checks.canary import check_attack, check_canary
from grader.checks.replay import ask_again, says_other

__all__ = ["ask_again", "check_attack", "check_canary", "says_other"]
