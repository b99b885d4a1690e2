"""花卉实验：导出 A trained network from its checkpoint to MindIR, which runs without its Python code.

    python export.py
    python export.py --platform CPU --pretrain_ckpt ./ckpt_0/mobilenetv2_20.ckpt --file_name mobilenetv2 \
        --file_format MINDIR

The file is loaded again and must answer as the network does, before it replaces an earlier one.
导出的文件会重新加载，输出与原网络一致后才替换以前的文件。
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from config import EVAL_ARGUMENTS, TABLES, settings
from models import define_net, load_parameters, ms, nn, read_checkpoint, use_platform

TOLERANCE = 1e-4


def export(args: argparse.Namespace) -> None:
    """Write the file, load it again, compare, and say where it is."""
    if args.file_format != "MINDIR":
        raise ValueError(
            f"--file_format {args.file_format}: written on Ascend alone; take MINDIR 仅支持 MINDIR 格式"
        )
    target = Path(args.file_name).with_suffix(".mindir")
    config = settings(args.platform)
    parameters = read_checkpoint(args.pretrain_ckpt)
    if "head.1.bias" not in parameters:
        raise ValueError(f"{args.pretrain_ckpt}: has no head; train first 没有分类头，请先训练")
    config.num_classes = len(parameters["head.1.bias"])
    use_platform(args.platform)
    _, _, network = define_net(config, is_training=False)
    load_parameters(network, parameters, args.pretrain_ckpt)
    network.set_train(
        False
    )  # in training mode the file would be another network 训练模式下导出的是另一个网络
    size = (1, 3, config.image_height, config.image_width)
    image = ms.Tensor(np.random.default_rng(1).normal(size=size).astype(np.float32))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        whole = Path(scratch) / target.name
        ms.export(network, image, file_name=str(whole), file_format="MINDIR")
        loaded = nn.GraphCell(ms.load(str(whole)))
        difference = float(np.abs(loaded(image).asnumpy() - network(image).asnumpy()).max())
        if not difference <= TOLERANCE:
            raise ValueError(f"{target}: answers differ by {difference:.2g} 导出文件的输出不一致")
        whole.chmod(0o644)  # MindSpore writes read-only files
        whole.replace(target)
    print(f"{target}: largest difference 最大误差 {difference:.2g}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line; config.py has the defaults."""
    parser = argparse.ArgumentParser(description="Export a network that train.py has trained.")
    add = parser.add_argument
    add("--platform", choices=[*TABLES], default=EVAL_ARGUMENTS["platform"], help="device")
    add("--pretrain_ckpt", default=EVAL_ARGUMENTS["pretrain_ckpt"], help="the trained network")
    add("--file_name", default="mobilenetv2", help="of the file, without .mindir")
    add("--file_format", default="MINDIR", type=str.upper, choices=["MINDIR", "AIR"], help="its format")
    return parser.parse_args()


def main() -> None:
    """Run the command."""
    try:
        export(parse_arguments())
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
