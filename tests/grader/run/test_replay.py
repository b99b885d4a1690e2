"""Asking again: honest submissions answer alike, and what answers otherwise is counted and named."""

import dataclasses
import json
import textwrap

import cv2
import numpy as np
import pytest

from grader import Verdict
from grader.model.assignment import Limits
from grader.model.dataset import SplitImage, split_of
from grader.model.grading import ALL_CHECKS, Checks
from grader.model.predictions import NO_REPLAY, Answers, Replay, Timing
from grader.report import build_report, render_text, write_grading
from grader.report.html import render_html, render_instructor_page
from grader.run import ask_again
from grader.run.replay import MOST_PROBES, altered, choose_probes
from tests.grader.gradings import grading_of

from ..conftest import CLASSES

IMAGES = 60
HONEST = """
    NAMES = ["Plastic Bottle", "Hats", "Newspaper"]

    def predict(image):
        return NAMES[int(image.mean()) // 80]
"""


@pytest.fixture
def split(tmp_path):
    """Smooth pictures of IMAGES different sizes; the mean says the class."""
    images = []
    for number in range(IMAGES):
        label = number * len(CLASSES) // IMAGES
        picture = np.random.default_rng(number).integers(-25, 25, (6, 6, 3))
        picture = cv2.resize((picture + 80 * label + 40).astype(np.uint8), (40 + number, 32))
        encoded = cv2.imencode(".jpg", picture)[1].tobytes()
        images.append(SplitImage(f"{CLASSES[label].folder}/{number:03d}.jpg", label, encoded))
    return split_of(images, places=(tmp_path,))


@pytest.fixture
def graded(write_submission, split, assignment):
    def run(source, name="zhang", checks=ALL_CHECKS, **more):
        folder = write_submission(source, name=name)
        for path, text in more.items():
            (folder / path).write_text(text, encoding="utf-8")
        return grading_of(folder, split, assignment, checks=checks)

    return run


def codes(outcome):
    return [finding.code for finding in outcome.findings]


def table_of(split):
    """What a submission would make of a split that leaked: class names by the digest of exact pixels."""
    import hashlib

    return json.dumps(
        {
            hashlib.sha256(image.pixels("bgr").tobytes()).hexdigest(): CLASSES[image.label].name
            for image in split.images
        }
    )


TABLE = """
    import hashlib, json
    TABLE = json.load(open("table.json"))

    def predict(image):
        return TABLE.get(hashlib.sha256(image.tobytes()).hexdigest(), "Hats")
"""


def test_an_honest_submission_answers_alike_and_nothing_is_said(graded):
    outcome = graded(HONEST)
    part = build_report(outcome).checks.replay
    assert (part.status, part.repeated, part.differed, part.altered, part.lost) == ("done", 24, 0, 24, 0)
    assert part.chance == 1.0
    assert outcome.findings == ()
    assert "0 of 24 answers differed" in render_text(build_report(outcome))
    assert "0 of 24 answers differed" in render_html(build_report(outcome))


def test_the_same_grading_twice_asks_the_same_again_and_reports_the_same(graded, split):
    first, second = (graded(HONEST, name=name) for name in ("a", "b"))
    assert [probe.index for probe in first.replay.probes] == [probe.index for probe in second.replay.probes]
    assert build_report(first).checks == build_report(second).checks


@pytest.mark.parametrize(
    "source",
    [
        "import os\ndef predict(image): return ['Hats', 'Newspaper'][os.urandom(1)[0] % 2]",
        "import numpy as np\ndef predict(image): return ['Hats', 'Newspaper'][np.random.randint(2)]",
        "asked = 0\ndef predict(image):\n    global asked; asked += 1\n    return ['Hats', 'Newspaper'][asked % 2]",
        "last = 'Hats'\ndef predict(image):\n    global last\n    was, last = last, ['Hats', 'Newspaper'][int(image.mean()) // 128]\n    return was",
    ],
    ids=["unseeded", "seeded, but drawn on", "counts its calls", "answers the image before"],
)
def test_answers_by_chance_or_by_what_came_before_are_unstable(graded, source, monkeypatch):
    # In one order of two thousand the image before happens to give the same answer twice nearly everywhere.
    monkeypatch.setattr("secrets.randbits", lambda _: 20)
    # Of answers by chance, one in a hundred is explained by chance alone: that is not what is tested here.
    outcome = graded(source, checks=Checks(diagnosis=False))
    assert codes(outcome)[:1] == ["unstable-answers"]
    assert "memorised-images" not in codes(outcome)
    assert outcome.verdict is Verdict.GRADED
    differed = build_report(outcome).checks.replay.differed
    assert differed > 0
    assert outcome.findings[0].title.startswith(f"{differed} of 24 answers differed")


def test_every_answer_that_differed_stands_on_the_instructors_page(graded):
    source = "asked = 0\ndef predict(image):\n    global asked; asked += 1\n    return f'no class {asked}!'"
    outcome = graded(source)
    listed = (
        render_instructor_page(outcome, build_report(outcome))
        .rpartition('<ul class="told">')[2]
        .partition("</ul>")[0]
    )
    assert build_report(outcome).checks.replay.differed > 20
    assert listed.count("<li>") == build_report(outcome).checks.replay.differed


def test_one_class_in_several_spellings_is_one_answer(graded):
    source = """
        asked = 0
        def predict(image):
            global asked
            asked += 1
            name = ["Plastic Bottle", "Hats", "Newspaper"][int(image[0, 0, 0]) // 80]
            return name.upper() if asked % 2 else name.lower()
    """
    assert build_report(graded(textwrap.dedent(source))).checks.replay.differed == 0


def test_a_table_of_exact_pixels_is_found_and_its_score_left_alone(graded, split):
    outcome = graded(TABLE, **{"table.json": table_of(split)})
    assert build_report(outcome).score.correct == IMAGES
    assert outcome.verdict is Verdict.GRADED
    assert codes(outcome) == ["memorised-images"]
    part = build_report(outcome).checks.replay
    assert part.differed == 0
    assert part.lost >= 12
    assert part.chance < 1e-6


def test_a_table_of_sizes_is_found(graded, split):
    sizes = json.dumps(
        {str(image.pixels("bgr").shape[1]): CLASSES[image.label].name for image in split.images}
    )
    source = "import json\nT = json.load(open('t.json'))\ndef predict(image): return T[str(image.shape[1])] if str(image.shape[1]) in T and image.shape[0] == 32 else 'Hats'"  # fmt: skip
    assert codes(graded(source, **{"t.json": sizes})) == ["memorised-images"]


def test_behaving_while_it_may_be_a_probe_is_unstable(graded, split):
    # Wrong for as many images as are asked again, then right by the table.
    turncoat = """
    by_table, asked = predict, 0

    def predict(image):
        global asked; asked += 1
        return "nothing" if asked <= 54 else by_table(image)
    """
    outcome = graded(TABLE + turncoat, **{"table.json": table_of(split)})
    assert build_report(outcome).score.correct == IMAGES - 54
    # Of the six that it answered, none again as at first.
    again = {probe.index for probe in outcome.replay.probes if not probe.is_altered}
    late = sum(outcome.answers.predictions[index].text != "nothing" for index in again)
    assert outcome.replay.differed == late
    assert ("unstable-answers" in codes(outcome)) == (late > 0)


def test_both_passes_look_the_same_from_inside(graded):
    """What a submission could tell them apart by, as each of the two processes finds it."""
    outcome = graded(
        """
        import json, os, time
        paths = ("/submission", "/submission/main.py", "/etc/passwd", "/harness/worker.py", ".", "main.py")
        new = [os.stat(path).st_ctime for path in ("/submission", "/submission/main.py", "/etc/passwd")]
        print("SEEN" + json.dumps({
            "command": open("/proc/self/cmdline").read(),
            "environment": dict(os.environ),
            "identity": [os.getpid(), os.getppid(), os.getuid(), os.getcwd(), os.uname().nodename],
            "modes": [os.stat(path).st_mode for path in paths],
            "written": [os.stat(path).st_mtime for path in paths[1:2]],
            "is new": time.time() - min(new) < 2.0,
            "descriptors": sorted(os.listdir("/proc/self/fd")),
            "folders": [sorted(os.listdir(path)) for path in ("/", "/submission", os.path.expanduser("~"))],
        }), flush=True)
        time.sleep(1.5)

        def predict(image):
            return "Hats"
        """
    )
    passes = [
        json.loads(line.removeprefix("SEEN"))
        for text in (outcome.answers.output, outcome.replay.output)
        for line in text.splitlines()
        if line.startswith("SEEN")
    ]
    assert len(passes) == 2
    assert passes[0] == passes[1]
    assert passes[0]["is new"]


def test_who_could_not_answer_all_is_not_asked_again(graded):
    for name, source in {"a": "1 / 0", "b": "import os\ndef predict(image): os.abort()"}.items():
        assert build_report(graded(source, name=name)).checks.replay.status == "off"


def test_what_is_asked_again_differs_from_grading_to_grading_but_not_for_one(split):
    right = [True] * IMAGES
    one, again, other = (choose_probes(split, right, identity) for identity in ("a", "a", "b"))
    assert one == again
    assert [probe.index for probe in one] != [probe.index for probe in other]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 12, 60])
def test_no_image_is_asked_twice_and_wrong_answers_stand_beside_the_right_ones(split, count):
    part = split_of(split.images[:count], places=())
    right = [number % 3 > 0 for number in range(count)]
    probes = choose_probes(part, right, "identity")
    repeated = {probe.index for probe in probes if not probe.is_altered}
    changed = {probe.index for probe in probes if probe.is_altered}
    assert not repeated & changed
    assert len(repeated) == min(MOST_PROBES, count // 2)
    assert len(probes) <= count
    assert all(sum(right[index] is kind for index in changed) <= MOST_PROBES for kind in (True, False))
    assert all(probe.was_right == right[probe.index] for probe in probes)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 400, 3), (64, 64, 3), (300, 200, 3)])
def test_an_altered_copy_has_no_pixel_pattern_in_common_but_looks_the_same(shape):
    picture = cv2.resize(np.random.default_rng(1).integers(0, 255, (5, 5, 3), np.uint8), shape[1::-1])
    image = SplitImage("a/b.png", 0, cv2.imencode(".png", picture)[1].tobytes())
    copy = altered(image).pixels("bgr")
    same = picture[1:, 1:] if min(shape[:2]) >= 16 else picture
    assert copy.shape == same.shape
    assert np.abs(copy.astype(int) - same).mean() < 3


def test_an_alarm_needs_more_than_an_honest_networks_losses():
    probes = choose_probes(
        split_of([SplitImage(f"0/{n}.png", 0, cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()) for n in range(60)], ()),
        [True] * 60,
        "identity",
    )  # fmt: skip
    alarms = [Replay("done", probes, lost=lost).is_collapse for lost in range(25)]
    assert alarms == [False] * 8 + [True] * 17
    # Where answers differ anyway, as many more are no sign of anything else.
    assert not Replay("done", probes, differed=12, lost=14).is_collapse


@pytest.mark.parametrize("chance", range(20))
def test_a_frail_network_is_not_said_to_have_memorised(split, chance):
    """Every change costs it half of its answers, and brings as many."""
    rng = np.random.default_rng(chance)
    for accuracy in (0.1, 0.3, 0.6):
        probes = choose_probes(split, (rng.random(IMAGES) < accuracy).tolist(), "identity")
        losing, gaining = 0.5, 0.5 * accuracy / (1 - accuracy)
        copies = [probe for probe in probes if probe.is_altered]
        lost = sum(probe.was_right and rng.random() < losing for probe in copies)
        gained = sum(not probe.was_right and rng.random() < gaining for probe in copies)
        assert not Replay("done", probes, accuracy=accuracy, lost=lost, gained=gained).is_collapse


@pytest.mark.parametrize("accuracy", [0.4, 0.6, 1.0])
def test_a_table_that_is_wrong_on_purpose_is_found(accuracy):
    picture = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
    split = split_of([SplitImage(f"0/{number}.png", 0, picture) for number in range(130)], ())
    probes = choose_probes(split, [number < 130 * accuracy for number in range(130)], "identity")
    again = Replay("done", probes, accuracy=accuracy, gained=0)
    assert again.can_tell
    assert dataclasses.replace(again, lost=again.altered).is_collapse
    assert not dataclasses.replace(again, accuracy=0.05).can_tell


def test_who_is_slow_is_asked_as_much_as_who_is_fast(write_submission, split, assignment, graded):
    main = graded(TABLE, **{"table.json": table_of(split)}).answers
    slow = dataclasses.replace(main, timing=Timing(50.0, 50.0, (2.0,) * (IMAGES - 1), 220.0))
    folder = write_submission(TABLE, name="again")
    (folder / "table.json").write_text(table_of(split), encoding="utf-8")
    result = ask_again(lambda _: [launch_of(folder, assignment)], split, assignment, slow, "identity", 1)
    assert (result.status, result.repeated, result.altered) == ("done", 24, 24)
    assert result.is_collapse


def launch_of(folder, assignment):
    from grader.intake import take_in
    from grader.sandbox import best_isolation

    workspace = folder.parent / "workspace"
    submission = take_in(folder, workspace, assignment.limits)
    return best_isolation(official=True).sandbox(submission, workspace, assignment.limits).launch


def test_the_instructors_page_says_what_was_looked_at_and_what_was_not(graded):
    outcome = graded(HONEST)
    page = render_instructor_page(outcome, build_report(outcome))
    assert "24 images were asked again unchanged: 0 answers differed" in page
    assert "no check looks for one" in page
    outcome = graded("1 / 0", name="li")
    page = render_instructor_page(outcome, build_report(outcome))
    assert "neither unstable answers nor memorised images were looked for" in page
    assert "no check looks for one" not in page


def test_a_replay_that_ends_early_costs_nothing_but_a_note(write_submission, split, assignment):
    # As long as it may take altogether, the second time there is not enough.
    source = "import time\ntime.sleep(1)\ndef predict(image): return 'Hats'"
    folder = write_submission(source)
    outcome = grading_of(folder, split, assignment)
    main: Answers = outcome.answers
    hurried = assignment.model_copy(update={"limits": Limits(total_seconds=0.5)})
    result = ask_again(lambda _: [launch_of(folder, hurried)], split, hurried, main, "identity", 1)
    assert (result.status, result.differed, result.lost) == ("incomplete", 0, 0)
    assert result.unanswered > 0
    assert not result.is_collapse


def test_it_can_be_switched_off_and_a_self_check_has_none(write_submission, split, assignment):
    folder = write_submission(HONEST)
    off = grading_of(folder, split, assignment, checks=Checks(replay=False))
    own = grading_of(folder, split, assignment, self_check=True)
    assert off.replay == own.replay == NO_REPLAY
    assert build_report(off).checks.replay.status == "off"
    assert build_report(off).run.replay_seconds is None


def test_a_fault_in_the_replay_costs_no_score(write_submission, split, assignment, monkeypatch):
    monkeypatch.setattr("grader.run.replay.choose_probes", lambda *_: 1 / 0)
    outcome = grading_of(write_submission(HONEST), split, assignment)
    assert (outcome.verdict, build_report(outcome).score.correct) == (Verdict.GRADED, IMAGES)
    assert build_report(outcome).checks.replay.status == "failed"
    assert "ZeroDivisionError" in outcome.trace


def test_which_images_differed_is_the_instructors_alone(graded, split, tmp_path):
    outcome = graded(TABLE, **{"table.json": table_of(split)})
    write_grading(outcome, build_report(outcome), tmp_path / "out")
    rows = json.loads((tmp_path / "out" / "instructor" / "answers.json").read_text(encoding="utf-8"))[
        "replay"
    ]["answers"]
    assert len(rows) == 48
    assert sum(row["is_altered"] and row["truth"] != row["as"] for row in rows) == outcome.replay.lost
    student = (tmp_path / "out" / "report.json").read_text(encoding="utf-8")
    assert not any(row["image"] in student for row in rows)
