"""Programs tried one after the other, and judged: nothing that is known already is asked again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from grader.errors import HarnessError
from grader.files import digest_of_bytes, digest_of_file, digest_of_json, digest_of_parts
from grader.model.dataset import SplitImage
from grader.session import this_harness
from tests.submissions.mistakes.judging import Judged, failed, judged
from tests.submissions.mistakes.lists import Candidate
from tests.submissions.mistakes.networks import Arrays
from tests.submissions.mistakes.planted import Planted
from tests.submissions.mistakes.results import Results
from tests.submissions.mistakes.trial import SCORES_ALONE, Ground


@dataclass(frozen=True)
class Judge:
    """Tries programs, and keeps what it finds."""

    ground: Ground
    results: Results
    images: Sequence[SplitImage] = ()
    """What heads of unusual programs learn from."""
    out: Path | None = None
    """Where the reports are kept."""
    asks_mended: bool = True
    """Whether each program is graded without its mistake, too."""

    def judge(self, chosen: Sequence[Candidate]) -> Iterator[Judged]:
        """Yield what each program's report is worth, in their order."""
        for candidate in chosen:
            known = self.results.judged(candidate.planted.name, candidate.program)
            yield known or self._try(candidate)

    def _try(self, candidate: Candidate) -> Judged:
        """Judge a program; a failure of the harness must not end a long run, and is tried again next time."""
        ground = self.ground
        planted = candidate.ready(ground.arrays, self.images, len(ground.assignment.classes))
        try:
            report, mended = ground.report(planted, out=self.out), self._mended_score(planted)
        except (HarnessError, RuntimeError) as error:
            return failed(planted, len(ground.split.images), str(error).strip().splitlines()[-1])
        result = judged(planted, report, mended)
        self.results.add_judged(candidate.program, result)
        return result

    def _mended_score(self, planted: Planted) -> int | None:
        """Return the right answers of the program without its mistake; many share one mended program."""
        mended = planted.mended() if self.asks_mended else None
        if mended is None:
            return None
        files = _digest_of_files(self.ground, mended)
        known = self.results.score(files)
        if known is not None:
            return known
        report = self.ground.report(mended, SCORES_ALONE)
        if report.score is None:
            raise RuntimeError(f"{mended.name}: {report.verdict}")
        self.results.add_score(files, report.score.correct)
        return report.score.correct


def setting_of(ground: Ground) -> str:
    """Return the digest of all that is the same for every program: harness, images, rules and network."""
    parts = [
        this_harness().sha256,
        ground.split.sha256,
        ground.assignment.sha256,
        _digest_of_arrays(ground.arrays),
    ]
    return digest_of_json(parts)


def _digest_of_arrays(arrays: Arrays) -> str:
    return digest_of_parts((name, digest_of_bytes(array.tobytes())) for name, array in arrays.items())


def _digest_of_files(ground: Ground, planted: Planted) -> str:
    with TemporaryDirectory() as place:
        folder = Path(place, "files")
        ground.write(planted, folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        return digest_of_parts((str(path.relative_to(folder)), digest_of_file(path)) for path in files)
