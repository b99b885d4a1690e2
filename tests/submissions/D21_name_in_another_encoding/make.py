"""Make the file; a str cannot name it."""

import os
import sys

name = "权重.npz".encode("gbk")
open(os.path.join(os.fsencode(sys.argv[1]), name), "wb").close()
