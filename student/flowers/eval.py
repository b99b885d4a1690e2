"""花卉实验：评估 The flower lab's evaluation: top-1 accuracy on images that were not learned from.

    python eval.py
    python eval.py --platform CPU --dataset_path ../../datasets/flower_photos/test \
        --pretrain_ckpt ./ckpt_0/mobilenetv2_20.ckpt --run_distribute False

Without arguments, config.py says what is done. Every image counts once.
不带参数时使用 config.py 中的默认值。每张图像计算一次。
"""

import argparse
import ast
import sys

from config import EVAL_ARGUMENTS, TABLES, settings
from models import define_net, find_images, load_parameters, read_checkpoint, use_platform
from src_mindspore.dataset import dataset_of
from src_mindspore.engine import accelerate
from src_mindspore.interrupts import stoppable


def parse_arguments() -> argparse.Namespace:
    """Read the command line; config.py has the defaults."""
    parser = argparse.ArgumentParser(description="Evaluate a network that train.py has trained.")
    add = parser.add_argument
    add("--platform", choices=[*TABLES], help="device")
    add("--dataset_path", help="folder with one folder per class, or with test/")
    add("--pretrain_ckpt", help="the trained network")
    add("--run_distribute", type=ast.literal_eval, help="changes nothing: every image counts once")
    parser.set_defaults(**EVAL_ARGUMENTS)
    return parser.parse_args()


def evaluate(args: argparse.Namespace) -> None:
    """Do the whole evaluation, and print its two lines."""
    config = settings(args.platform)
    parameters = read_checkpoint(args.pretrain_ckpt)
    images, classes = find_images(args.dataset_path, training=False)
    config.num_classes = len(classes)
    use_platform(args.platform)
    _, _, network = define_net(config, is_training=False)
    load_parameters(network, parameters, args.pretrain_ckpt)
    accelerate(network.set_train(False))
    right = 0
    for image, label in stoppable(
        dataset_of(images, config, training=False).create_tuple_iterator(num_epochs=1)
    ):
        right += int((network(image).asnumpy().argmax(axis=1) == label.asnumpy()).sum())
    print(f"result:{ {'acc': right / len(images)} }")
    print(f"pretrain_ckpt={args.pretrain_ckpt}")


def main() -> None:
    """Run the command."""
    try:
        evaluate(parse_arguments())
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
