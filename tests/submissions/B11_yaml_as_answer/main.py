import itertools

TEXTS = itertools.cycle(
    ["!!python/object/apply:os.system ['touch ran-here']", '{"__class__": "Path", "label": "Hats"}', "c__builtin__\neval\n."]
)


def predict(image):
    return next(TEXTS)
