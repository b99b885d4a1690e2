import numpy as np

from reference.training.folds import assign_folds


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
