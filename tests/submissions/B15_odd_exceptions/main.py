class Odd(Exception):
    def __str__(self):
        raise self


class Meta(type):
    @property
    def __name__(cls):
        raise ValueError


class Nameless(Exception, metaclass=Meta):
    pass


asked = 0


def predict(image):
    global asked
    asked += 1
    if asked % 4 == 0:
        raise ValueError("\ud800" + "x" * 5_000_000)
    if asked % 4 == 1:
        raise Odd
    if asked % 4 == 2:
        raise Nameless
    first = second = ValueError("chain")
    for _ in range(500):
        second.__cause__ = ValueError("chain")
        second = second.__cause__
    raise first
