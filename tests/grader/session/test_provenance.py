"""What graded: every library that computes is named, and which of OpenCV's distributions it was."""

import sys

import cv2
import pytest
from cv2 import version

from grader.findings import exceptions as packages
from grader.session import harness as provenance
from grader.session import this_harness


@pytest.fixture
def as_distribution(monkeypatch):
    """Have `cv2` be of another distribution than the one that is installed."""

    def be(*, contrib, headless):
        monkeypatch.setattr(version, "contrib", contrib)
        monkeypatch.setattr(version, "headless", headless)
        return this_harness.__wrapped__()

    return be


@pytest.mark.parametrize(
    ("contrib", "headless", "name"),
    [
        (False, True, "opencv-python-headless"),
        (False, False, "opencv-python"),
        (True, True, "opencv-contrib-python-headless"),
        (True, False, "opencv-contrib-python"),
    ],
)
def test_the_opencv_that_decodes_is_named_by_its_distribution(as_distribution, contrib, headless, name):
    libraries = as_distribution(contrib=contrib, headless=headless).libraries
    assert {key: value for key, value in libraries.items() if "opencv" in key} == {
        name: version.opencv_version
    }


def test_another_opencv_is_another_harness(as_distribution):
    assert (
        as_distribution(contrib=False, headless=True).sha256
        != as_distribution(contrib=False, headless=False).sha256
    )


def test_an_opencv_of_the_operating_systems_is_named_too(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2.version", None)
    monkeypatch.delattr(cv2, "version")
    assert provenance.opencv() == {"opencv": cv2.__version__}


def test_a_submission_that_wants_cv2_lacks_nothing_where_another_distribution_has_it(monkeypatch):
    monkeypatch.setattr(packages, "_is_installed", lambda name: name == "opencv-python")
    assert packages.is_here("cv2")
    monkeypatch.setattr(packages, "_is_installed", lambda _: False)
    assert not packages.is_here("cv2")
