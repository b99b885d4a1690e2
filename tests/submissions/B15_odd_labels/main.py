import itertools

TEXTS = itertools.cycle(
    ["x" * 5_000_000, "\ud800Hats\udfff", "Hats\0Hats", "\x1b[2J\x1b]0;title\x07", "y" + "\u0301\u0316" * 500_000, "", " ", "\u202ex"]
)


def predict(image):
    return next(TEXTS)
