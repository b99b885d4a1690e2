import os
import resource

# As when the limit is reached between two looks of the grader.
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))

os.fork()
