from src_mindspore import mobilenetv2


def whose():
    return mobilenetv2.__doc__
