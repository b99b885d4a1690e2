"""What the figures about the diagnosis are made of: how a report is judged, how results are kept."""

from dataclasses import replace

import pytest

from grader.model.assignment import load_assignment
from grader.model.dataset import split_of
from grader.model.grading import NO_CHECKS
from grader.model.report import FindingPart
from grader.sandbox import PlainProcess
from tests.grader.gradings import report_of
from tests.submissions.mistakes import identities, loaded
from tests.submissions.mistakes.judging import Figures, Judged, judged, place_of, promised
from tests.submissions.mistakes.lists import LISTS, Candidate, candidates
from tests.submissions.mistakes.planted import MISTAKES, RIGHT
from tests.submissions.mistakes.results import Results
from tests.submissions.mistakes.running import Judge

IMAGES = 26


@pytest.fixture(scope="module")
def report(tmp_path_factory, split):
    """A report on a program that gives one answer to everything, without any finding."""
    folder = tmp_path_factory.mktemp("submission")
    (folder / "main.py").write_text('predict = lambda image: "Hats"\n', encoding="utf-8")
    images = split.images[:IMAGES]
    graded = report_of(
        folder,
        split_of(images, ()),
        load_assignment(),
        checks=NO_CHECKS,
        self_check=True,
        isolation=PlainProcess(),
    )
    return graded.model_copy(update={"findings": ()})


def finding(code, rationale="why"):
    texts = dict.fromkeys(("title", "help", "title_zh", "rationale_zh", "help_zh"), "text")
    return FindingPart(code=code, severity="warning", rationale=rationale, **texts)


def with_findings(report, *findings):
    return report.model_copy(update={"findings": findings})


def promising(report, percent):
    said = f"Red and blue are swapped. With that put right, your own program gets {percent} % right instead of 3.8 % (9 of"
    return with_findings(report, finding("channel-order", said))


def a_result(name="BGR", place="named", **fields):
    expected = () if place in ("silent", "blamed") else ("channel-order",)
    given = {"found": ("channel-order",), "said": "why", "correct": 9, "total": IMAGES, **fields}
    return Judged(name, expected, place=place, **given)


@pytest.mark.parametrize(
    ("expected", "found", "place"),
    [
        (("channel-order",), ("channel-order", "wrong-scale"), "named"),
        (("channel-order", "other-colours"), ("other-colours",), "named"),
        (("channel-order",), ("wrong-scale",), "wrong"),
        (("channel-order",), ("wrong-scale", "channel-order"), "near"),
        (("channel-order",), ("lost-on-the-way",), "near"),
        (("channel-order",), ("wrong-preprocessing",), "near"),
        (("labels-shifted",), ("wrong-preprocessing",), "wrong"),
        (("channel-order",), ("partial-split", "below-usual"), "nothing"),
        (("channel-order",), (), "nothing"),
        ((), ("partial-split", "below-usual"), "silent"),
        ((), (), "silent"),
        ((), ("lost-on-the-way",), "blamed"),
    ],
)
def test_findings_are_worth_what_they_name(expected, found, place):
    assert place_of(expected, found) == place


def test_a_promise_is_the_per_cent_that_a_student_reads(report):
    assert promised(promising(report, "96.2")) == 25
    assert promised(promising(report, "100.0")) == 26


def test_a_per_cent_of_a_part_of_the_images_is_no_promise_about_all(report):
    assert promised(promising(report, "96.0")) is None


@pytest.mark.parametrize(
    "said",
    [
        "With the names in the right order, your answers are right for 96.2 % of the images instead of 3.8 % (exact"
    ],
)
def test_a_promise_about_names_is_one_too(report, said):
    assert promised(with_findings(report, finding("labels-shifted", said))) == 25


def test_a_finding_that_promises_nothing_has_no_promise(report):
    assert promised(with_findings(report, finding("wrong-type", "98 % of the answers are numbers"))) is None
    assert promised(report) is None


def test_a_promise_is_kept_only_if_it_is_exact(report):
    assert judged(MISTAKES[0], promising(report, "96.2"), 25).is_kept
    assert not judged(MISTAKES[0], promising(report, "96.2"), 26).is_kept
    assert not judged(MISTAKES[0], promising(report, "96.2"), None).is_kept


def test_a_report_is_judged_by_its_findings_score_and_cost(report):
    run = report.run.model_copy(update={"diagnosis_seconds": 3.0, "total_seconds": 2.0})
    result = judged(MISTAKES[0], promising(report, "96.2").model_copy(update={"run": run}), 25)
    assert (result.place, result.found, result.total) == ("named", ("channel-order",), IMAGES)
    assert result.cost == 1.5
    assert result.correct == report.score.correct
    assert not result.is_miss
    assert judged(RIGHT[0], report).place == "silent"


def test_the_summary_counts_each_place_and_shows_the_misses():
    every = [
        *(a_result(f"named {number}", promised=25, mended=25, cost=4.0) for number in range(17)),
        a_result("broken", promised=25, mended=24),
        a_result("vague", "near", found=("lost-on-the-way",), mended=25),
        a_result("unseen", "nothing", found=()),
        a_result("right", "silent", found=(), cost=1.25),
        a_result("blamed", "blamed", cost=2.75),
    ]
    said = "\n".join(Figures(every).lines())
    assert "20 mistakes: named 18 (90.0%), near 1 (5.0%), wrong 0 (0.0%), nothing 1 (5.0%)" in said
    assert "2 right programs: silent 1, blamed 1" in said
    assert "18 promised scores: 17 (94.4%) are that of the mended program; 19 of the 20" in said
    assert "cost of mistakes, in times of the graded run: 4.0 (median), 4.0 at most" in said
    assert "cost of right programs, in times of the graded run: 2.0 (median), 2.8 at most" in said
    misses = said.partition("misses\n")[2].splitlines()
    assert [line.split()[1] for line in misses] == ["broken", "vague", "unseen", "blamed"]


def test_the_summary_tells_the_styles_apart():
    every = [
        a_result("BGR"),
        a_result("lab: BGR"),
        a_result("lab: grey", "wrong"),
        a_result("lab: x", "silent"),
    ]
    assert "named by style: plain 1/1, lab 1/2" in [*Figures(every).lines()]
    assert not any("by style" in line for line in Figures(every[:1]).lines())


def test_what_must_be_shown_is_all_that_counts():
    good = [a_result(str(number), promised=25, mended=25) for number in range(100)]
    enough = [*good[:90], *(replace(each, place="near") for each in good[90:])]
    assert Figures(enough).is_enough
    assert Figures([*enough[:-1], replace(enough[-1], place="wrong")]).is_enough
    assert not Figures([*enough[:-2], *(replace(each, place="wrong") for each in enough[-2:])]).is_enough
    assert not Figures([replace(enough[0], place="near"), *enough[1:]]).is_enough
    assert not Figures([*enough, a_result("right", "blamed")]).is_enough
    assert Figures([*(replace(each, mended=24) for each in enough[:5]), *enough[5:]]).is_enough
    assert not Figures([*(replace(each, mended=24) for each in enough[:6]), *enough[6:]]).is_enough


def test_results_are_read_again_as_they_were_written(tmp_path):
    file = tmp_path / "out" / "results.jsonl"
    results = Results(file, "today")
    result = a_result(said="红色和蓝色互换\u2028", promised=25, mended=25, cost=1.5)
    results.add_judged("program", result)
    results.add_score("files", 25)
    again = Results(file, "today")
    assert again.judged("BGR", "program") == result
    assert again.score("files") == 25


def test_a_result_holds_for_its_program_and_its_setting_alone(tmp_path):
    file = tmp_path / "results.jsonl"
    Results(file, "today").add_judged("program", a_result())
    assert Results(file, "today").judged("BGR", "another program") is None
    assert Results(file, "tomorrow").judged("BGR", "program") is None


@pytest.mark.parametrize(
    "left", ['{"setting": "today", "kind": "sc', '{"setting": "红'.encode()[:-1].decode("latin-1")]
)
def test_a_line_that_a_killed_run_left_half_written_spoils_nothing(tmp_path, left):
    file = tmp_path / "results.jsonl"
    Results(file, "today").add_score("first", 1)
    with file.open("a", encoding="latin-1") as out:
        out.write(left)
    Results(file, "today").add_score("second", 2)
    again = Results(file, "today")
    assert (again.score("first"), again.score("second")) == (1, 2)


class CountingGround:
    """Writes and grades nothing, and counts what is asked of it."""

    def __init__(self, report, split, fails=()):
        self.asked, self._report, self._fails = [], report, fails
        self.arrays, self.assignment, self.split = {}, load_assignment(), split

    def write(self, planted, folder):
        folder.mkdir()
        (folder / "main.py").write_text(planted.source(["one"]), encoding="utf-8")

    def report(self, planted, checks=None, out=None):
        self.asked.append(planted.name)
        if planted.name in self._fails:
            raise RuntimeError("stage diagnose:\nKeyError: 'x'\n")
        return self._report


def test_what_is_known_is_not_asked_again_and_mended_programs_are_graded_once(report, split, tmp_path):
    chosen = [Candidate(planted) for planted in MISTAKES[:3]]
    names = [planted.name for planted in MISTAKES[:3]]
    ground = CountingGround(report, split)
    first = [*Judge(ground, Results(tmp_path / "results.jsonl", "today")).judge(chosen[:2])]
    assert sorted(ground.asked) == sorted([*names[:2], f"{names[0]}, mended"])
    assert [result.mended for result in first] == [report.score.correct] * 2
    ground.asked.clear()
    again = [*Judge(ground, Results(tmp_path / "results.jsonl", "today")).judge(chosen)]
    assert ground.asked == names[2:]
    assert again[:2] == first


def test_a_failure_of_the_harness_ends_no_run_and_is_tried_again(report, split, tmp_path):
    chosen = [Candidate(planted) for planted in MISTAKES[:2]]
    ground = CountingGround(report, split, fails=(MISTAKES[0].name,))
    one, other = Judge(ground, Results(tmp_path / "results.jsonl", "today")).judge(chosen)
    assert (one.place, one.said) == ("failed", "KeyError: 'x'")
    assert other.place != "failed"
    assert one.is_miss
    assert not Figures([replace(one, expected=())]).is_enough
    assert "1 programs without a report" in "\n".join(Figures([one, other]).lines())
    ground.asked.clear()
    assert len([*Judge(ground, Results(tmp_path / "results.jsonl", "today")).judge(chosen)]) == 2
    assert ground.asked == [MISTAKES[0].name]


def test_the_lists_have_what_is_to_be_shown():
    assert len(candidates("unusual")) == 47
    assert len(candidates("all")) == len(candidates("old")) + len(candidates("new"))
    assert all(not each.planted.codes for each in candidates("all", mended=True))
    programs = [each.program for name in ("old", "new") for each in candidates(name)]
    assert len({*programs}) > len(programs) / 2
    assert {*LISTS} == {"old", "new", "unusual", "all"}


def test_the_digest_of_a_program_follows_its_text():
    one, other = candidates("old")[:2]
    assert one.program != other.program
    assert one.program == Candidate(one.planted).program


def test_reports_are_compared_in_all_parts_but_the_run(report):
    later = report.model_copy(update={"run": report.run.model_copy(update={"total_seconds": 99.0})})
    assert loaded.parts_that_differ(report, later) == []
    other = with_findings(later, finding("channel-order"))
    assert loaded.parts_that_differ(report, other) == ["findings"]


@pytest.mark.parametrize(("second", "code"), [("wrong-scale", 1), ("channel-order", 0)])
def test_what_hangs_on_load_or_name_is_told_by_the_exit_code(report, split, monkeypatch, second, code):
    told = [with_findings(report, finding("channel-order")), with_findings(report, finding(second))]
    said, ground = [], CountingGround(None, split)
    ground.report = lambda planted: ground.asked.append(planted) or told[len(ground.asked) - 1]
    monkeypatch.setattr(loaded, "LOOPS", 0)
    assert loaded.compare_loaded(ground, "smallest logit", said.append) == code
    assert len(ground.asked) == 2
    assert said[0].startswith("OTHER" if code else "same")
    monkeypatch.setattr(identities, "_reports", lambda *_: iter(told))
    assert identities.ask_identities(ground, 2, "no crop", said.append) == code
    assert said[1].startswith("OTHER" if code else "same")


def test_reports_that_real_workers_alone_get_are_told(report, split, monkeypatch):
    told = [[report], [with_findings(report, finding("channel-order"))]]
    monkeypatch.setattr(identities, "_reports", lambda *_: iter(told.pop(0)))
    assert identities.ask_identities(CountingGround(None, split), 1, "no crop", lambda _: None) == 1


def test_the_programs_that_are_compared_under_load_are_there():
    assert len(loaded.programs()) >= 10
