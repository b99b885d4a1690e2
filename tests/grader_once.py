"""What every command of the grader would do again; a ready Python does it once, by importing this module.

Of the processor time of `python -m grader` on a small submission, half a second is imports, a tenth the compiling
of the pages' templates, and a twentieth the reading of the sentences and of the grader's own source.
"""

from scipy import optimize  # noqa: F401 - of the diagnosis, which imports it late

from grader.classroom import pages
from grader.cli import batch, grade  # noqa: F401 - what a command line imports once it has been read
from grader.report import html
from grader.session import harness
from grader.wording import catalogue

for environment in (html._environment(), pages._environment()):
    for template in environment.list_templates(extensions=["html"]):
        environment.get_template(template)
for name in ("causes", "messages", "phrases", "words"):
    catalogue.table(name)
harness.this_harness()
