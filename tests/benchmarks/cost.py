"""Run one command and say what it cost, in a process of its own.

A child starts with the memory of its parent as its greatest so far, so the parent has to be small: it is this script.
``python cost.py COMMAND...`` prints status, seconds, processor seconds and greatest resident memory (MB) as JSON.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    kilobytes = usage.ru_maxrss  # as Linux counts
    print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_utime + usage.ru_stime, kilobytes / 1024]))
