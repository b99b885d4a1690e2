"""A module that the course library has not got."""


def whole(image):
    return image
