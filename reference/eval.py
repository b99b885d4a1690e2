"""The flower lab's evaluation: the top-1 accuracy of a trained network on images not learned from.

    python -m reference.eval --dataset_path D --platform CPU --pretrain_ckpt ./ckpt_0/mobilenetv2_20.ckpt
    python -m reference.eval             # as `EvalDefaults` in reference/labs/recipes.py says

    result:{'acc': 0.9038461538461539}
    pretrain_ckpt=./ckpt_0/mobilenetv2_20.ckpt

D holds `test/` or `val/`, or is itself the folder with the class folders. Every image counts once; the lab's
own script drops those that do not fill the last batch. It also evaluates random weights, with a warning, if
it does not know the names in the checkpoint; here such a checkpoint is refused.

Exit codes: 0 done, 1 something failed that should not, 2 wrong input (one line says what), 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from reference import labs
from reference.command_line import interruptible, run_command, true_or_false
from reference.errors import InputError
from reference.images import evaluation_images
from reference.labs import PLATFORMS, EvalDefaults, flower_config, result_lines
from reference.weights import read_network


@dataclass(frozen=True)
class Settings:
    """What the command line says.

    Attributes:
        dataset_path: folder of class folders, or with test/ or val/.
        platform: of PLATFORMS.
        pretrain_ckpt: the trained network, as it was given.
        run_distribute: changes nothing.
    """

    dataset_path: str
    platform: str
    pretrain_ckpt: str
    run_distribute: bool


def evaluate(settings: Settings) -> None:
    """Do the whole evaluation, and print its two lines.

    Raises:
        InputError: the data set, an image or the platform does not do.
        SourceError: reading the checkpoint needs a package that is not installed.
        WeightsError: the checkpoint is not a trained network for these classes.
    """
    config = flower_config(settings.platform)
    images = evaluation_images(Path(settings.dataset_path))
    num_classes, checkpoint = len(images.classes), Path(settings.pretrain_ckpt)
    if not checkpoint.exists():
        raise InputError(f"{checkpoint}: no such file; python -m reference.train makes one")
    weights = read_network(checkpoint, num_classes)
    labs.use_platform(settings.platform)
    _, _, network = labs.define_net(num_classes, config.activation)
    labs.fill(network, weights.arrays())
    accuracy = labs.accuracy(network, images.split, config.eval_batch_size, config.image_size)
    print(result_lines(accuracy, settings.pretrain_ckpt))


def parse_arguments(arguments: Sequence[str] | None) -> Settings:
    """Read the command line; exits with 2 when it makes no sense. Without arguments `EvalDefaults` count."""
    given = sys.argv[1:] if arguments is None else arguments
    if not given:
        return Settings(**asdict(EvalDefaults()))
    parser = argparse.ArgumentParser(
        prog="python -m reference.eval", description="Evaluate a network that reference.train has trained."
    )
    add = parser.add_argument
    add(
        "--dataset_path",
        required=True,
        metavar="D",
        help="folder with one folder per class, or with test/",
    )
    add("--platform", choices=PLATFORMS, default="CPU", help="device (%(default)s)")
    add("--pretrain_ckpt", required=True, metavar="FILE", help="the trained network")
    add(
        "--run_distribute",
        type=true_or_false,
        default=False,
        metavar="True|False",
        help="changes nothing: one process counts every image once",
    )
    return Settings(**vars(parser.parse_args(given)))


@interruptible()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; see the module's docstring. Returns the exit code."""
    settings = parse_arguments(arguments)
    return run_command(lambda: evaluate(settings))


if __name__ == "__main__":
    sys.exit(main())
