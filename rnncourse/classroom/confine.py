"""Between the grader and bubblewrap: no keys, no system calls that no notebook needs, a group whose memory is limited.

Run by its path, with Python's own library only: ``python -I -S confine.py GROUP bwrap …``.
"""

import ctypes
import errno
import os
import platform
import sys
from pathlib import Path

JOIN_SESSION_KEYRING = 1
KEYCTL = {"x86_64": 250, "aarch64": 219}  # numbers of the system call
# What holds memory that nobody counts, reaches other processes or the kernel's inside, or makes a system of its own.
REFUSED = """
shmget shmat shmctl shmdt msgget msgsnd msgrcv msgctl semget semop semctl semtimedop mq_open mq_unlink
memfd_create memfd_secret
keyctl add_key request_key
ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd
io_uring_setup io_uring_enter io_uring_register userfaultfd perf_event_open bpf fanotify_init
mount umount umount2 pivot_root chroot setns open_tree open_tree_attr move_mount mount_setattr fsopen fsconfig fsmount
fspick statmount listmount name_to_handle_at open_by_handle_at quotactl quotactl_fd swapon swapoff
kexec_load kexec_file_load init_module finit_module delete_module reboot acct syslog lookup_dcookie vhangup
clone3
"""
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSYS
GREATER, MASKED_EQUAL = 6, 7
NEW_USER, INET6 = 0x10000000, 10


class _Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


# System calls that are refused if an argument is such: a user namespace; a socket other than local or of the Internet.
REFUSED_IF = {
    b"clone": _Compare(0, MASKED_EQUAL, NEW_USER, NEW_USER),
    b"unshare": _Compare(0, MASKED_EQUAL, NEW_USER, NEW_USER),
    b"socket": _Compare(0, GREATER, INET6, 0),
}


def library() -> ctypes.CDLL | None:
    """Return libseccomp, where it is installed."""
    try:
        return ctypes.CDLL("libseccomp.so.2")
    except OSError:
        return None


def write_filter(seccomp: ctypes.CDLL) -> int:
    """Return a descriptor from which the filter can be read."""
    seccomp.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(ALLOW)))
    conditions = dict.fromkeys(REFUSED.encode().split()) | REFUSED_IF
    for name, condition in conditions.items():
        number = seccomp.seccomp_syscall_resolve_name(name)
        if number >= 0:  # this machine has it
            compared = ctypes.byref(condition) if condition else None
            code = seccomp.seccomp_rule_add_array(rules, REFUSE, number, int(bool(condition)), compared)
            if code:
                raise OSError(-code, f"no filter for {name.decode()}")
    reading, writing = os.pipe()
    code = seccomp.seccomp_export_bpf(rules, writing)
    os.close(writing)
    if code:
        raise OSError(-code, "the filter cannot be written")
    os.set_inheritable(reading, True)
    return reading


def leave_keys() -> None:
    """Join a session keyring without keys; where the system has none, or lets no one use them, there is no need."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = KEYCTL.get(platform.machine())
    code = ctypes.get_errno() if number and libc.syscall(number, JOIN_SESSION_KEYRING, None) < 0 else 0
    if code not in (0, errno.ENOSYS, errno.EPERM):
        raise OSError(code, "no new session keyring")


def main() -> None:
    """Confine this process, then become bubblewrap."""
    group, bwrap, *rest = sys.argv[1:]
    leave_keys()
    if group:
        (Path(group) / "cgroup.procs").write_text("0")
    seccomp = library()
    options = ["--seccomp", str(write_filter(seccomp))] if seccomp else []
    os.execv(bwrap, [bwrap, *options, *rest])


if __name__ == "__main__":
    main()
