"""What a hostile submission tries: its cell, and a sentence or part of it that the student reads.

The cell stands first in a notebook whose second cell answers q2 rightly, for 3 points; what the cell tries
is to win the points of q1 and q10, or to do harm. None of them must do either.
"""

# Ends a cell: from now on each answer is this one.
FORGE = """
import sys
def forge(form):
    frame = sys._getframe()
    while "encode" not in frame.f_globals:
        frame = frame.f_back
    frame.f_globals["encode"] = lambda value, kept: form
"""


def forged(answer: str) -> str:
    """Return a cell that writes bytes where only the course writes, wherever that may be."""
    return f"""
import os
for number in range(3, 50):
    try:
        os.write(number, {answer})
    except OSError:
        pass
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
        forged("b'{\"value\": 4}\\n' * 40"),
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
        forged('b"hello\\n"'),
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
        forged('b\'{"list": \' + b"[" * 200_000 + b"\\n"'),
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
import os
kept = []
for number in range(200):
    kept.append(os.memfd_create("x"))
    os.write(kept[-1], bytes(4_900_000))
""",
        "Function not implemented",
    ),
    "a file system in a system of its own": (
        """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
NEW_USER, NEW_MOUNTS = 0x10000000, 0x20000
done = libc.unshare(NEW_USER | NEW_MOUNTS) == 0 and libc.mount(b"none", b"/tmp/home", b"tmpfs", 0, b"size=2g") == 0
while done:
    open("/tmp/home/much", "ab").write(bytes(4_000_000))
raise SystemExit("mounted" if done else "not mounted")
""",
        "SystemExit: not mounted",
    ),
    "a process in a system of its own": (
        """
import ctypes, signal
stack = ctypes.create_string_buffer(100_000)
run = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0)
top = ctypes.c_void_p(ctypes.addressof(stack) + 90_000)
started = ctypes.CDLL(None).clone(run, top, 0x10000000 | signal.SIGCHLD, None)
raise SystemExit(f"started {started}")
""",
        "SystemExit: started -1",
    ),
    "memory shared in the old way": (
        """
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
libc.shmdt.argtypes = [ctypes.c_void_p]
shared = [libc.shmget(0, 50_000_000, 0o1600) for _ in range(40)]
for number in shared:
    if number >= 0:
        place = libc.shmat(number, None, 0)
        ctypes.memset(place, 1, 50_000_000)
        libc.shmdt(place)
raise SystemExit(f"holds {sum(number >= 0 for number in shared)} pieces")
""",
        "SystemExit: holds 0 pieces",
    ),
    "a message queue": (
        """
import ctypes
raise SystemExit(f"made {ctypes.CDLL(None).msgget(0, 0o1600)}")
""",
        "SystemExit: made -1",
    ),
    "files under way in a socket": (
        """
import os, socket
one, other = socket.socketpair()
for number in range(200):
    file = os.open(f"/dev/shm/{number}", os.O_CREAT | os.O_RDWR)
    os.unlink(f"/dev/shm/{number}")
    os.posix_fallocate(file, 0, 4_900_000)
    socket.send_fds(one, [b"x"], [file])
    os.close(file)
""",
        "OSError: [Errno 28] No space left on device",
    ),
    "a hundred thousand empty files": (
        """
for number in range(120_000):
    open(str(number), "w").close()
import time
time.sleep(99)
""",
        "it made more than 10,000 files",
    ),
    "tables of empty memory": (
        """
import mmap, time
NO_RESERVE = 0x4000
empty = mmap.mmap(-1, 1_000_000_000_000, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE, mmap.PROT_READ)
for place in range(0, len(empty), 2**21):
    empty[place + 4096]
time.sleep(99)
""",
        "it took more than 0.6 GB of memory",
    ),
    "pipes full of bytes": (
        """
import fcntl, os, time
for _ in range(12):
    if os.fork() == 0:
        kept = [os.pipe() for _ in range(120)]
        for reading, writing in kept:
            os.set_blocking(writing, False)
            try:
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1_000_000)
            except OSError:
                pass
            os.write(writing, bytes(1_000_000))
        time.sleep(99)
""",
        "",
    ),
    "children that no one waits for": (
        """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
children = []
while True:
    children = [child for child in children if os.path.exists(f"/proc/{child}")]
    child = len(children) < 3 and os.fork()
    if child == 0 and child is not False:
        while time.process_time() < 0.3:
            pass
        os._exit(0)
    children += [child] * bool(child)
    time.sleep(0.05)
""",
        "it took more than 4 s of processor time",
    ),
    "children in sessions of their own": (
        """
import os, signal, time
for number in range(1, 65):
    if number not in (signal.SIGKILL, signal.SIGSTOP) and not 32 <= number < 34:
        signal.signal(number, signal.SIG_IGN)
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(9999)
        os._exit(0)
""",
        "",
    ),
    "asks the kernel for a ring": (
        """
import ctypes
raise SystemExit(f"made {ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(200))}")
""",
        "SystemExit: made -1",
    ),
    "a socket to the machine below": (
        """
import socket
made = []
for family in (socket.AF_VSOCK, socket.AF_ALG, socket.AF_NETLINK, socket.AF_PACKET):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
        try:
            made.append(socket.socket(family, kind))
        except OSError:
            pass
raise SystemExit(f"made {made}")
""",
        "SystemExit: made []",
    ),
    "keys": (
        """
import ctypes, os, platform
call = ctypes.CDLL(None).syscall
add, request, keyctl = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}[platform.machine()]
known = []
for path in ("/proc/keys", "/proc/key-users"):
    try:
        known += [open(path).read()]
    except OSError:
        pass
done = [call(keyctl, 0, place, 0) for place in (-3, -4, -5)]  # session's, user's
done += [call(add, b"user", b"note", b"text", 4, place) for place in (-3, -4, -5)]
done += [call(request, b"user", MARK.encode(), None, -3)]
raise SystemExit(f"{known} {max(done)}")
""",
        "SystemExit: [] -1",
    ),
    "looks outside through other processes": (
        """
import glob, os
seen = []
for pattern in ("/proc/*/root", "/proc/*/cwd", "/proc/*/fd/*", "/proc/*/task/*/root"):
    for path in glob.glob(pattern):
        for way in (FOLDER, "/.." * 20 + FOLDER):
            if os.path.exists(path + way):
                seen.append(path)
raise SystemExit(f"saw {seen}")
""",
        "SystemExit: saw []",
    ),
    "words without an end": (
        """
import os, threading
def write(number):
    try:
        while True:
            os.write(number, b"x" * 100_000)
    except OSError:
        pass
for number in range(3, 50):
    threading.Thread(target=write, args=[number], daemon=True).start()
""",
        "",
    ),
    "too slow to translate": (
        "x = (" + "((" * 40_000 + "\n%time 1\n!ls",
        "",
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
        FORGE
        + """
forge({"array": "", "dtype": "|V0", "shape": [500_000_000]})
""",
        "the value cannot be read",
    ),
    "an array of nothing, and large": (
        FORGE
        + """
forge({"array": "", "dtype": "<U9000000", "shape": [0, 10**15]})
""",
        "the value cannot be read",
    ),
    "more than the array holds": (
        FORGE
        + """
forge({"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": [10**12]})
""",
        "the value cannot be read",
    ),
    "a list where a form should be": (
        FORGE
        + """
forge({"list": [[], 3, {}, None]})
""",
        "the value cannot be read",
    ),
    "a table of something else": (
        FORGE
        + """
forge({"table": [[{"value": 1}, {"value": 2}]], "index": 3})
""",
        "the value cannot be read",
    ),
    "ten thousand tables": (
        FORGE
        + """
column = [{"value": "value"}, {"array": "AAAAAAAAAAA=", "dtype": "<f8", "shape": [1]}]
forge({"list": [{"table": [column], "index": {"list": [{"value": "a"}]}, "series": True}] * 10_000})
""",
        "the value cannot be read",
    ),
    "numbers of one hash": (
        FORGE
        + """
forge({"dict": [[{"value": number * (2**61 - 1)}, {"value": 0}] for number in range(40_000)]})
""",
        "the value cannot be read",
    ),
    "fewer numbers of one hash": (
        FORGE
        + """
forge({"dict": [[{"value": number * (2**61 - 1)}, {"value": 0}] for number in range(900)]})
""",
        "the value cannot be read",
    ),
    "numbers of one hash, in a list": (
        """
word = [number * (2**61 - 1) for number in range(40_000)]
""",
        "the value cannot be read",
    ),
    "tuples of one hash": (
        """
import itertools
word = dict.fromkeys(itertools.product((-1, -2), repeat=13))
""",
        "the value cannot be read",
    ),
    "a dict in a dict": (
        """
word = {}
for _ in range(200):
    word = {1: word}
""",
        "The word is wrong.",
    ),
    "a million digits": (
        forged('b\'{"value": \' + b"9" * 1_000_000 + b"}\\n"'),
        "it wrote where only the course writes",
    ),
    "a million brackets": (
        forged('b\'{"list": [\' + b"[]," * 500_000 + b"[]]}\\n"'),
        "it wrote where only the course writes",
    ),
    "a hundred thousand keys": (
        """
word = {str(number): 0 for number in range(100_000)}
""",
        "it wrote where only the course writes",
    ),
}
