"""What a hostile submission tries: its cell, and a sentence or part of it that the student reads.

The cell stands first in a notebook whose second cell answers q2 rightly, for 3 points; what the cell tries
is to win the points of q1 and q10, or to do harm. None of them must do either.
"""

HOSTILE = {
    "endless loop": (
        """
while True:
    pass
""",
        "it took more than 4 s",
    ),
    "endless loop in a function": (
        """
def double(x):
    while True:
        pass
""",
        "it took more than 4 s",
    ),
    "gigabytes of memory": (
        """
much = bytearray(5_000_000_000)
""",
        "MemoryError",
    ),
    "memory in children": (
        """
import os, time
for _ in range(8):
    if os.fork() == 0:
        much = b"x" * 200_000_000
        time.sleep(99)
time.sleep(99)
""",
        "it took more than 0.6 GB of memory",
    ),
    "fork bomb": (
        """
import os
while True:
    os.fork()
""",
        "BlockingIOError",
    ),
    "threads without end": (
        """
import threading, time
while True:
    threading.Thread(target=time.sleep, args=[99]).start()
""",
        "can't start new thread",
    ),
    "exit with status 0": (
        """
import sys
sys.exit(0)
""",
        "SystemExit: 0",
    ),
    "exit at once": (
        """
import os
os._exit(0)
""",
        "it ended the process in which the notebook ran",
    ),
    "kills all that it can": (
        """
import os, signal
os.kill(os.getppid(), signal.SIGKILL)
os.kill(-1, signal.SIGKILL)
""",
        "",
    ),
    "allclose that says yes": (
        """
import numpy as np
np.allclose = lambda *given, **named: True
np.testing.assert_allclose = np.allclose
double = lambda x: 9
""",
        "double(2) must be 4, got 9",
    ),
    "builtins that say yes": (
        """
import builtins
builtins.all = builtins.any = lambda *given: True
double = lambda x: 9
""",
        "double(2) must be 4, got 9",
    ),
    "equal to everything": (
        """
class Yes(int):
    __hash__ = int.__hash__
    __eq__ = lambda self, other: True
    __array__ = lambda self, *given, **named: Yes()
word = Yes()
double = lambda x: Yes()
""",
        "double(2) must be 4",
    ),
    "a grader of its own": (
        """
class Grader:
    check = check_all = lambda self, *given: "all passed"
grader = Grader()
""",
        "`double` is not defined",
    ),
    "printed result": (
        """
import os
print('{"student": "eve", "points": {"q1": 2, "q10": 1}}')
os.system("echo q1 results: All test cases passed!")
""",
        "`double` is not defined",
    ),
    "forged results": (
        """
for name in ("results.json", "/tmp/results.json", "/tmp/home/grades.csv", "results/eve.json"):
    try:
        with open(name, "w") as file:
            file.write('{"points": {"q1": 2, "q10": 1}}')
    except OSError:
        pass
""",
        "`double` is not defined",
    ),
    "forged answers": (
        """
import os
for number in range(3, 50):
    try:
        os.write(number, b'{"value": 4}\\n' * 40)
    except OSError:
        pass
""",
        "",
    ),
    "closes what it is asked through": (
        """
import os
for number in range(50):
    try:
        os.close(number)
    except OSError:
        pass
""",
        "",
    ),
    "not an answer": (
        """
import os
for number in range(3, 50):
    try:
        os.write(number, b"hello\\n")
    except OSError:
        pass
""",
        "it wrote where only the course writes",
    ),
    "deep answer": (
        """
word = []
for _ in range(100_000):
    word = [word]
""",
        "RecursionError",
    ),
    "deep answer, forged": (
        """
import os
for number in range(3, 50):
    try:
        os.write(number, b'{"list": ' + b"[" * 200_000 + b"\\n")
    except OSError:
        pass
""",
        "it wrote where only the course writes",
    ),
    "huge number": (
        """
def double(x):
    return 10**5000
""",
        "ValueError",
    ),
    "answer of 300 MB": (
        """
def double(x):
    return "x" * 300_000_000
""",
        "",
    ),
    "one large file": (
        """
with open("large", "wb") as file:
    file.write(bytes(50_000_000))
word = "written"
""",
        "OSError: [Errno 27] File too large",
    ),
    "many files": (
        """
import os, shutil
for folder in ("/tmp/home", "/dev/shm"):
    try:
        for number in range(99):
            with open(f"{folder}/{number}", "wb") as file:
                file.write(bytes(2_000_000))
    except OSError:
        pass
used = sum(shutil.disk_usage(folder).used for folder in ("/tmp/home", "/dev/shm")) / 1e6
raise SystemExit(f"stopped at {used:.0f} MB" if used < 11 else f"wrote {used:.0f} MB")
""",
        "stopped at 10 MB",
    ),
    "writes outside": (
        """
import os, sys, rnncourse
places = [p for p in (*sys.path, rnncourse.__path__[0], sys.prefix, "/", "/usr", "/etc", "/dev", "/root", "/home") if p]
written = []
for place in {*places, FOLDER, os.path.dirname(FOLDER)} - {os.getcwd()}:
    try:
        open(os.path.join(place, "written-by-eve"), "w").close()
        written.append(place)
    except OSError:
        pass
raise SystemExit(f"wrote into {written}")
""",
        "SystemExit: wrote into []",
    ),
    "reads tests, solutions, other submissions, and who else is here": (
        """
import os, sys
found = []
for top, folders, files in os.walk("/"):
    folders[:] = [f for f in folders if os.path.join(top, f) not in ("/proc", "/dev", "/usr", SITE, sys.base_prefix)]
    for name in files:
        path = os.path.join(top, name)
        try:
            text = open(path, "rb").read()
        except OSError:
            continue
        if MARK.encode() in text or name.endswith((".zip", ".ipynb")):
            found.append(path)
others = [pid for pid in os.listdir("/proc") if pid.isdigit() and MARK in open(f"/proc/{pid}/cmdline").read()]
raise SystemExit(f"found {found} {others} {[name for name in os.environ if MARK in os.environ[name]]}")
""",
        "SystemExit: found [] [] []",
    ),
    "opens a socket": (
        """
import socket
reached = []
for address in [("127.0.0.1", PORT), ("localhost", PORT)]:
    try:
        socket.create_connection(address, timeout=1)
        reached.append(address)
    except OSError:
        pass
raise SystemExit(f"reached {reached}")
""",
        "SystemExit: reached []",
    ),
    "reaches a socket without a network": (
        """
import socket
with socket.socket(socket.AF_UNIX) as line:
    line.connect("\\0" + MARK)
word = "connected"
""",
        "ConnectionRefusedError",
    ),
    "becomes root": (
        """
import os
try:
    os.setuid(0)
    raise SystemExit("is root")
except OSError:
    os.system("mount -t tmpfs none /tmp/home && touch /tmp/home/mounted")
    raise SystemExit("is root" if os.path.exists("/tmp/home/mounted") else "is nobody")
""",
        "SystemExit: is nobody",
    ),
    "a page that runs": (
        """
raise ValueError("<script>alert(1)</script>")
""",
        "<script>alert(1)</script>",
    ),
    "files in memory": (
        """
import os, time
kept = []
for number in range(200):
    kept.append(os.memfd_create("x"))
    os.write(kept[-1], bytes(4_900_000))
time.sleep(99)
""",
        "it took more than 0.6 GB of memory",
    ),
    "only newlines": (
        "x = 1" + "\n" * 100_000,
        "`double` is not defined",
    ),
    "half a character": (
        """
raise ValueError("\\ud800 \\x1b[31m\\nada: no points")
""",
        "ValueError:",
    ),
    "an error with a long name": (
        """
raise type("E" * 5_000_000, (Exception,), {})
""",
        "EEE",
    ),
    "always refuses": (
        """
def double(x):
    raise ValueError("no")
word = ""
""",
        "It stopped with ValueError: no",
    ),
    "a forged size": (
        """
import sys
def forged(value, kept):
    import base64
    header = b"{'descr': '|V0', 'fortran_order': False, 'shape': (500000000,), }"
    header += b" " * (118 - len(header)) + b"\\n"
    return {"array": base64.b64encode(b"\\x93NUMPY\\x01\\x00" + len(header).to_bytes(2, "little") + header).decode()}
frame = sys._getframe()
while "encode" not in frame.f_globals:
    frame = frame.f_back
frame.f_globals["encode"] = forged
""",
        "the value cannot be read",
    ),
}
