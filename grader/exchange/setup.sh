#!/usr/bin/env bash
# Run once, when Gradescope builds the autograder's image: installs the harness where submissions may look.
set -euo pipefail
apt-get update && apt-get install -y --no-install-recommends python3 python3-venv libgl1 libglib2.0-0
python3 -m venv /opt/grader
/opt/grader/bin/pip install /autograder/source
chmod 600 /autograder/source/split.key
