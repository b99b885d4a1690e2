import resource
import threading
import time

# As when the limit is reached between two looks of the grader.
resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))

threading.Thread(target=time.sleep, args=(99,)).start()
