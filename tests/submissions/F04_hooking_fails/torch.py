"""A framework of the submission's own that cannot be hooked."""


class Refusing(type):
    def __setattr__(cls, name, value):
        raise TypeError(name)

    def __getattribute__(cls, name):
        if name in ("__subclasses__", "__mro__", "__dict__"):
            raise KeyError(name)
        return super().__getattribute__(name)

    def mro(cls):
        return [*super().mro()]


class nn:
    class Module(metaclass=Refusing):
        def __init_subclass__(cls, /, **named):
            if named:
                raise ValueError(named)

        def __call__(self, *given):
            return self.forward(*given)

        @property
        def training(self):
            raise RuntimeError
