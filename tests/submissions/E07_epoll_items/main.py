import os
import select
import time

for _ in range(10):
    if os.fork() == 0:
        end, _ = os.pipe()
        ends = [os.dup(end) for _ in range(490)]
        polls = [select.epoll() for _ in range(490)]
        for poll in polls:
            for end in ends:
                poll.register(end)
        time.sleep(99)
time.sleep(99)
