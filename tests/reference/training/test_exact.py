import os
import subprocess
import sys

import numpy as np
import pytest

from reference.errors import InputError, NotSolvedError
from reference.training import exact
from reference.training.exact import HeadProblem, assign_folds, choose, cross_validate, solve_head, table_csv
from reference.values import Given, LabelledFeatures, Regularisation


def drawn(classes: int = 4, images: int = 60, channels: int = 12, noise: float = 1.5) -> LabelledFeatures:
    """Two views of images whose classes overlap."""
    rng = np.random.default_rng(0)
    labels = np.arange(images) % classes
    centres = rng.normal(0, 1, (classes, channels))
    features = centres[labels] + rng.normal(0, noise, (2, images, channels)) + 3
    return LabelledFeatures(features.astype(np.float32), labels)


def first_view(data: LabelledFeatures) -> LabelledFeatures:
    return LabelledFeatures(data.features[:1], data.labels)


def test_the_gradient_is_the_objective_s() -> None:
    problem, pair = HeadProblem(drawn(), 4), Regularisation(0.01, 0.1)
    rng = np.random.default_rng(1)
    point, direction = rng.normal(0, 0.1, (2, *problem.shape))
    _, gradient = problem.objective(point, pair)
    above, _ = problem.objective(point + 1e-5 * direction, pair)
    below, _ = problem.objective(point - 1e-5 * direction, pair)
    assert (above - below) / 2e-5 == pytest.approx(np.sum(gradient * direction), rel=1e-6)


def test_at_the_solution_the_gradient_of_the_plain_formula_vanishes() -> None:
    data, pair = drawn(), Regularisation(0.003, 0.1)
    head = HeadProblem(data, 4).solve(pair).head
    rows, labels = data.features.reshape(-1, 12).astype(np.float64), np.tile(data.labels, 2)
    logits = rows @ head.weight.astype(np.float64).T + head.bias
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    error = probabilities - (0.9 * np.eye(4)[labels] + 0.1 / 4)
    assert np.abs(error.T @ rows / len(rows) + 0.003 * head.weight).max() < 1e-5
    assert np.abs(error.mean(axis=0)).max() < 1e-5


def test_it_is_the_logistic_regression_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    data = drawn()
    rows, labels = data.features.reshape(-1, 12).astype(np.float64), np.tile(data.labels, 2)
    # Its C is 1 / (N * weight decay).
    theirs = linear_model.LogisticRegression(C=1 / (len(rows) * 0.01), tol=1e-10, max_iter=5000).fit(
        rows, labels
    )
    ours = HeadProblem(data, 4).solve(Regularisation(0.01, 0.0)).head
    np.testing.assert_allclose(ours.weight, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(
        ours.bias - ours.bias.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-3
    )


def test_where_the_search_begins_does_not_matter() -> None:
    problem, pair = HeadProblem(drawn(), 4), Regularisation(0.01, 0.1)
    begin = np.random.default_rng(5).normal(0, 1, problem.shape)
    np.testing.assert_allclose(
        problem.solve(pair, begin).head.weight, problem.solve(pair).head.weight, atol=1e-4
    )


def test_a_class_without_images_is_never_answered() -> None:
    data = drawn(classes=3)
    head = HeadProblem(data, 4).solve(Regularisation(0.01, 0.0)).head
    assert head.weight.shape == (4, 12)
    assert 3 not in head.predict(data.features[0])


def test_a_search_that_ends_early_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference.training.exact.MOST_ITERATIONS", 2)
    with pytest.raises(NotSolvedError, match=r"weight decay 0\.01: the gradient is .* after 2 iterations"):
        HeadProblem(drawn(), 4).solve(Regularisation(0.01, 0.0))


def test_fresh_processes_give_the_same_bits_on_any_number_of_cores() -> None:
    code = (
        "import hashlib, sys, numpy as np\n"
        "from reference.values import Given, LabelledFeatures\n"
        "from reference.training import solve_head\n"
        "rng = np.random.default_rng(0); labels = np.arange(300) % 6\n"
        "data = LabelledFeatures((rng.normal(0, 1, (2, 300, 640)) + labels[:, None] / 9).astype('f4'), labels)\n"
        "head = solve_head(data, LabelledFeatures(data.features[:1], labels), 6, Given(0.01, None), 0).solution.head\n"
        "assert 'mindspore' not in sys.modules\n"
        "print(hashlib.sha256(head.weight.tobytes() + head.bias.tobytes()).hexdigest())"
    )
    digests = {
        subprocess.check_output(
            [sys.executable, "-c", code], text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": threads}
        )
        for threads in ("1", "2", "2")
    }
    assert len(digests) == 1


def test_images_left_out_are_not_learned_from() -> None:
    # Pure noise can be known by heart, but not foretold.
    rng = np.random.default_rng(0)
    data = LabelledFeatures(rng.normal(0, 1, (1, 200, 300)).astype(np.float32), np.arange(200) % 2)
    weak = Regularisation(1e-4, 0.0)
    assert HeadProblem(data, 2).solve(weak).head.count_correct(data) == 200
    parts = assign_folds(data.labels, [bytes([i]) for i in range(200)], 5, 0)
    (trial,) = cross_validate(data, data, 2, parts, [weak])
    assert 60 < trial.correct < 140


def test_a_class_whose_only_image_is_left_out_is_a_mistake_and_no_more() -> None:
    data = drawn(classes=3, images=31)
    labels = data.labels.copy()
    labels[30] = 3
    data = LabelledFeatures(data.features, labels)
    choice = choose(data, first_view(data), 4, seed=0)
    assert choice.best.images == 31
    assert choice.best.correct < 31


def test_the_search_goes_on_until_the_best_has_a_neighbour_on_each_side() -> None:
    data = drawn(images=120, noise=3)
    choice = choose(data, first_view(data), 4, seed=0, given=Given(None, 0.0))
    decays = [trial.regularisation.weight_decay for trial in choice.trials]
    assert decays == sorted(decays)
    assert decays[0] < choice.best.regularisation.weight_decay < decays[-1]
    assert not choice.at_limit


@pytest.mark.parametrize(("exponents", "expected"), [(range(-5, -2), True), (range(-14, 5), False)])
def test_a_search_that_ends_at_the_limit_says_so(
    monkeypatch: pytest.MonkeyPatch, exponents: range, expected: bool
) -> None:
    monkeypatch.setattr(exact, "EXPONENTS", exponents)
    data = drawn(images=120, noise=3)
    choice = choose(data, first_view(data), 4, seed=0, given=Given(None, 0.0))
    assert choice.at_limit is expected


def test_all_smoothings_are_tried_and_the_best_trial_is_taken() -> None:
    data = drawn(images=120)
    told: list[None] = []
    choice = choose(data, first_view(data), 4, seed=0, advance=lambda: told.append(None))
    assert len(told) == len(choice.trials)
    assert {trial.regularisation.label_smoothing for trial in choice.trials} == {0.0, 0.1}
    assert choice.best.correct == max(trial.correct for trial in choice.trials)
    lines = table_csv(choice.trials).splitlines()
    assert lines[0] == "weight_decay,label_smoothing,correct,images,accuracy"
    assert len(lines) == 1 + len(choice.trials)


def test_what_is_given_is_not_searched() -> None:
    data = drawn()
    result = solve_head(data, first_view(data), 4, Given(0.02, 0.1), seed=0)
    assert (result.regularisation, result.choice) == (Regularisation(0.02, 0.1), None)
    result = solve_head(data, first_view(data), 4, Given(0.02, None), seed=0)
    assert result.choice is not None
    assert [trial.regularisation.weight_decay for trial in result.choice.trials] == [0.02, 0.02]


def test_one_image_a_class_cannot_be_cross_validated() -> None:
    data = drawn(images=4)
    with pytest.raises(InputError, match="--weight_decay and --label_smoothing"):
        choose(data, first_view(data), 4, seed=0)


def test_an_easy_set_is_no_reason_to_search_to_the_end() -> None:
    data = drawn(classes=5, images=100, noise=0.01)
    choice = choose(data, first_view(data), 5, seed=0)
    assert choice.best.correct == 100
    assert not choice.at_limit
    assert len(choice.trials) == 4, "three weight decays and the other smoothing"


def test_where_single_precision_finds_no_optimum_double_does(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = HeadProblem.solve

    def coarse(self: HeadProblem, *arguments: object) -> object:
        if self._rows.dtype == np.float32:
            raise NotSolvedError("too coarse")
        return solve(self, *arguments)  # type: ignore[arg-type]

    data, pair = drawn(), Regularisation(0.01, 0.0)
    parts = np.arange(60) // 4 % 5
    expected = cross_validate(data, first_view(data), 4, parts, [pair])
    monkeypatch.setattr(HeadProblem, "solve", coarse)
    assert cross_validate(data, first_view(data), 4, parts, [pair]) == expected


def test_copies_of_an_image_lie_in_one_part_and_classes_are_spread_evenly() -> None:
    labels = np.array([0] * 20 + [1] * 10)
    contents = [bytes([i // 2]) for i in range(20)] + [bytes([100 + i]) for i in range(10)]
    parts = assign_folds(labels, contents, folds=5, seed=0)
    assert all(parts[i] == parts[i + 1] for i in range(0, 20, 2))
    assert [int(np.sum(parts[:20] == part)) for part in range(5)] == [4] * 5
    assert [int(np.sum(parts[20:] == part)) for part in range(5)] == [2] * 5


def test_another_seed_gives_other_parts() -> None:
    labels, contents = np.zeros(50, np.int64), [bytes([i]) for i in range(50)]
    assert not np.array_equal(assign_folds(labels, contents, 5, 0), assign_folds(labels, contents, 5, 1))
