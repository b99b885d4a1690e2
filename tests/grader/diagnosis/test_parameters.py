"""What a network consists of beside what was handed in, on made-up parameters that are told by their digests."""

from dataclasses import replace

import pytest

from grader.diagnosis.parameters import broken_file, own_files, repairs
from grader.diagnosis.preprocessing import Difference
from grader.model.records import CheckpointFile, Network, Parameter

SHAPES = {
    "features.0.weight": (32, 3, 3, 3),
    "features.1.gamma": (32,),
    "features.1.beta": (32,),
    "features.1.moving_mean": (32,),
    "features.1.moving_variance": (32,),
    "features.2.weight": (64, 32, 1, 1),
    "head.weight": (26, 64),
    "head.bias": (26,),
}
STATISTICS = ["features.1.moving_mean", "features.1.moving_variance"]
HEAD = ["head.weight", "head.bias"]
WEIGHTS = [name for name in SHAPES if name not in STATISTICS]


def parameters(run, names=tuple(SHAPES), prefix="", **more):
    """Parameters as one training run left them."""
    values = {
        "dtype": "float32",
        "mean": 0.0,
        "std": 0.5,
        "least": -2.0,
        "greatest": 2.0,
        "not_finite": 0,
        **more,
    }
    return tuple(Parameter(prefix + name, SHAPES[name], sha1=f"{run} {name}", **values) for name in names)


def network(*parts):
    return Network("mindspore", "Net", tuple(parameter for part in parts for parameter in part))


def file(name, *parts):
    return CheckpointFile(name, tuple(parameter for part in parts for parameter in part))


def but(names):
    return [name for name in SHAPES if name not in names]


BEST = file("best.ckpt", parameters("best"))
LAST = file("last.ckpt", parameters("last"))
LOADED = network(parameters("best"))


def told(found):
    """Each repair by its code and its file."""
    return [(each.code, each.file) for each in found]


def sentence(repair, language="en"):
    return Difference("network", repair.said, repair.details).sentence(language)


def test_a_network_that_consists_of_what_was_handed_in_is_left_alone():
    assert repairs([LOADED], [BEST], is_training=False) == []
    assert repairs([LOADED], [], is_training=False) == []
    assert repairs([], [BEST], is_training=False) == []


@pytest.mark.parametrize("prefix", ["net.", "module.", "_backbone."])
def test_names_with_another_prefix_are_no_difference(prefix):
    live = network(parameters("best", prefix=prefix))
    assert repairs([live], [BEST], is_training=False) == []
    assert own_files([live], [BEST]) == ["best.ckpt"]


def test_backbone_and_head_may_be_two_networks():
    parts = [network(parameters("best", but(HEAD))), network(parameters("best", HEAD))]
    assert repairs(parts, [BEST], is_training=False) == []


def test_a_head_that_was_not_loaded_is_told_by_its_kind():
    live = network(parameters("best", but(HEAD)), parameters("random", HEAD))
    (repair,) = repairs([live], [BEST], is_training=False)
    assert (repair.code, repair.file) == ("checkpoint-unused", "best.ckpt")
    assert sentence(repair) == (
        "The dense layer of best.ckpt is not in the network: 2 of 6 weights there are not the file's."
    )
    assert sentence(repair, "zh") == (
        "网络中没有 best.ckpt 的全连接层：网络的 6 个权重中有 2 个与文件中的不同。"
    )


def test_of_a_file_that_was_not_loaded_at_all_all_weights_are_told():
    (repair,) = repairs([network(parameters("random"))], [BEST], is_training=False)
    assert (repair.code, repair.file) == ("checkpoint-unused", "best.ckpt")
    assert sentence(repair) == (
        "None of the weights of best.ckpt is in the network: all 6 weights there are other ones."
    )


def test_parameters_that_are_all_the_same_number_tell_nothing():
    """New ones are 0 or 1; a head without a bias gets zeros from nowhere."""
    live = network(parameters("best", but(["head.bias"])), parameters("zeros", ["head.bias"], std=0.0))
    assert repairs([live], [BEST], is_training=False) == []


def test_parameters_that_became_nan_are_not_those_of_a_file_with_numbers():
    broken = parameters("nan", ["head.weight"], mean=0.0, std=0.0, not_finite=26 * 64)
    live = network(parameters("best", but(["head.weight"])), broken)
    (repair,) = repairs([live], [BEST], is_training=False)
    assert "1 of 6 weights there are not the file's" in sentence(repair)
    assert broken_file([live], [BEST]) is None


def test_statistics_that_were_not_loaded_are_no_weights():
    live = network(parameters("best", WEIGHTS), parameters("new", STATISTICS, std=0.0))
    (repair,) = repairs([live], [BEST], is_training=False)
    assert (repair.code, repair.file) == ("statistics-not-loaded", "best.ckpt")
    assert sentence(repair) == "2 of 2 moving means and variances in the network are not those of best.ckpt."
    assert "2 个滑动均值和方差里，有 2 个与 best.ckpt 中的不同" in sentence(repair, "zh")


def test_statistics_of_pytorch_have_other_names():
    names = {"features.1.moving_mean": "bn.running_mean", "features.1.moving_variance": "bn.running_var"}
    new = [replace(each, name=names[each.name]) for each in parameters("new", STATISTICS)]
    found = repairs([network(parameters("best", WEIGHTS), new)], [BEST], is_training=False)
    assert told(found) == [("statistics-not-loaded", "best.ckpt")]


def test_statistics_that_training_mode_changes_are_the_matter_of_training_mode():
    live = network(parameters("best", WEIGHTS), parameters("moved", STATISTICS))
    assert told(repairs([live], [BEST], is_training=True)) == [("training-mode", "")]
    assert told(repairs([LOADED], [BEST], is_training=True)) == [("training-mode", "")]


def test_another_file_than_the_one_that_was_loaded_is_tried():
    (repair,) = repairs([LOADED], [LAST, BEST], is_training=False)
    assert (repair.code, repair.file) == ("other-checkpoint", "last.ckpt")
    assert sentence(repair) == "The network's parameters are those of best.ckpt, and not of last.ckpt."
    assert sentence(repair, "zh") == "网络的参数来自 best.ckpt，而不是 last.ckpt。"


def test_a_file_that_went_in_but_for_its_head_is_not_another_file():
    """More than a tenth of the weights are not that file's."""
    live = network(parameters("last", but(HEAD)), parameters("random", HEAD))
    found = repairs([live], [BEST, LAST], is_training=False)
    assert told(found) == [("checkpoint-unused", "best.ckpt"), ("checkpoint-unused", "last.ckpt")]


def test_of_an_ensemble_no_file_was_left_unused():
    both = [LOADED, network(parameters("last"))]
    assert repairs(both, [BEST, LAST], is_training=False) == []
    half = [LOADED, network(parameters("random"))]
    assert told(repairs(half, [BEST, LAST], is_training=False)) == [
        ("checkpoint-unused", "best.ckpt"),
        ("checkpoint-unused", "last.ckpt"),
    ]


def test_two_files_that_are_equal_are_one():
    copy = replace(BEST, name="copy.ckpt")
    live = network(parameters("random"))
    assert told(repairs([live], [copy, BEST], is_training=False)) == [("checkpoint-unused", "copy.ckpt")]
    assert told(repairs([network(parameters("last"))], [copy, BEST, LAST], is_training=False)) == [
        ("other-checkpoint", "copy.ckpt")
    ]


def test_the_optimizers_state_in_a_file_is_no_matter():
    state = parameters("moments", WEIGHTS, prefix="moment1.")
    stored = file("best.ckpt", parameters("best"), state, state)
    assert repairs([LOADED], [stored], is_training=False) == []
    live = network(parameters("random"))
    assert told(repairs([live], [stored], is_training=False)) == [("checkpoint-unused", "best.ckpt")]


GAMMA_BETA = ["features.1.gamma", "features.1.beta"]


def test_gamma_and_beta_that_were_not_loaded_either_are_counted():
    """A new network's are one number each, which is no sign by itself."""
    new = (*parameters("new", GAMMA_BETA, std=0.0), *parameters("new", STATISTICS, std=0.0))
    live = network(parameters("best", but([*GAMMA_BETA, *STATISTICS])), new)
    (repair,) = repairs([live], [BEST], is_training=False)
    assert (repair.code, repair.details["count"], repair.details["total"]) == (
        "checkpoint-unused",
        2,
        len(WEIGHTS),
    )
    alone = network(parameters("best", but(GAMMA_BETA)), parameters("new", GAMMA_BETA, std=0.0))
    assert repairs([alone], [BEST], is_training=False) == []


def test_a_number_of_the_programs_own_is_no_parameter_that_was_not_loaded():
    own = (replace(parameters("own", ["head.bias"], std=0.0)[0], name="scale", shape=(3, 1, 1)),)
    live = network(parameters("best", WEIGHTS), parameters("new", STATISTICS, std=0.0), own)
    assert told(repairs([live], [BEST], is_training=False)) == [("statistics-not-loaded", "best.ckpt")]


def test_a_file_that_does_not_fit_the_network_is_not_tried():
    resnet = CheckpointFile(
        "resnet.ckpt",
        tuple(replace(each, shape=(*each.shape, 7)) for each in parameters("resnet")),
    )
    assert repairs([network(parameters("random"))], [resnet], is_training=False) == []


def test_no_more_than_three_things_are_tried_and_training_mode_is_first():
    files = [file(f"{number}.ckpt", parameters(number)) for number in range(9)]
    found = repairs([network(parameters("random"))], files, is_training=True)
    assert told(found) == [
        ("training-mode", ""),
        ("checkpoint-unused", "0.ckpt"),
        ("checkpoint-unused", "1.ckpt"),
    ]


def test_names_of_a_strangers_are_short_and_printable():
    live = network(tuple(replace(each, name="x" * 300) for each in parameters("random")))
    stored = replace(BEST, name="\x1b[2J" + "y" * 300)
    (repair,) = repairs([live], [stored], is_training=False)
    assert len(sentence(repair)) < 400
    assert sentence(repair).isprintable()


def test_a_file_with_nan_in_it_is_the_broken_one_if_the_network_consists_of_it():
    nan = file("nan.ckpt", parameters("nan", not_finite=4))
    assert broken_file([network(parameters("nan", not_finite=4))], [BEST, nan]) == "nan.ckpt"
    assert broken_file([LOADED], [BEST, nan]) is None
    assert broken_file([LOADED], [BEST]) is None


def test_a_files_owner_is_told_by_nearly_all_of_its_parameters():
    assert own_files([LOADED], [LAST, BEST]) == ["best.ckpt"]
    half = network(parameters("best", but(HEAD)), parameters("random", HEAD))
    assert own_files([half], [LAST, BEST]) == []
    assert own_files([network()], [BEST]) == []
    assert own_files([network(parameters("best", std=0.0))], [BEST]) == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_repair_has_its_sentence(language):
    live = network(parameters("best", WEIGHTS), parameters("new", STATISTICS))
    found = [
        *repairs([LOADED], [], is_training=True),
        *repairs([live], [BEST], is_training=False),
        *repairs([LOADED], [BEST, LAST], is_training=False),
        *repairs([network(parameters("random"))], [BEST], is_training=False),
    ]
    assert len({each.code for each in found}) == 4
    for repair in found:
        text = sentence(repair, language)
        assert text.endswith("." if language == "en" else "。")
        assert "{" not in text
