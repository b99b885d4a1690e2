import itertools

TEXTS = itertools.cycle(
    ["=cmd|' /C calc'!A0", "<script>alert(1)</script>", "</td><img src=x onerror=alert(1)>", "\x1b[31mred", "[click](javascript:alert(1))", "{{ 7 * 7 }}", "{0.__class__}"]
)


def predict(image):
    return next(TEXTS)
