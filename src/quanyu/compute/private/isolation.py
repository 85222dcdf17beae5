"""What an algorithm that somebody sent is kept from, and whether this machine can do so.

``bubblewrap`` gives the process an own user, process, mount, IPC and host name space and one for
the network that holds no interface; its root holds the system's programs, this program's Python
and the order, all read-only, and a small ``/tmp`` in memory. A seccomp filter (libseccomp) refuses
sockets, new processes, further name spaces, tracing, BPF, io_uring, keys and shared memory. Limits
of the kernel (``setrlimit``) bound memory, processor time and files.

It is the kernel that isolates: a flaw of the kernel, or a side channel of the processor (time,
caches), is not kept from. For that, run the node in a virtual machine of its own.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import BinaryIO

CHILD = Path(__file__).with_name("child.py")
_ROOTS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_REFUSED = [
    "accept",
    "accept4",
    "add_key",
    "bind",
    "bpf",
    "connect",
    "execveat",
    "fork",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "keyctl",
    "listen",
    "memfd_create",
    "memfd_secret",
    "mount",
    "mount_setattr",
    "move_mount",
    "mq_open",
    "msgget",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "quotactl",
    "recvfrom",
    "recvmsg",
    "request_key",
    "semget",
    "sendmsg",
    "sendto",
    "setns",
    "shmget",
    "socket",
    "socketpair",
    "swapon",
    "umount2",
    "unshare",
    "userfaultfd",
    "vfork",
]
_CLONE_THREAD = 0x00010000


@dataclass(frozen=True, slots=True)
class Isolation:
    """Whether algorithms can be isolated here; ``missing`` says what for."""

    bubblewrap: str | None
    missing: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return not self.missing


@cache
def isolation_here() -> Isolation:
    """What this machine has; looked for once in a process."""
    missing = []
    program = shutil.which("bwrap") if sys.platform == "linux" else None
    if program is None:
        missing.append("bubblewrap (bwrap)")
    try:
        seccomp_filter().close()
    except (ImportError, OSError, RuntimeError):
        missing.append("libseccomp")
    if program is not None and not missing and not _works(program):
        missing.append("user namespaces")
    return Isolation(program, tuple(missing))


def _works(program: str) -> bool:
    """Whether Python starts in the very sandbox that algorithms get."""
    import subprocess

    with TemporaryDirectory() as folder, seccomp_filter() as rules:
        command = [*_shut_in(program, Path(folder), 1 << 20, rules), sys.executable, "-I", "-S"]
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "-c", ""],
            capture_output=True,
            check=False,
            timeout=30,
            pass_fds=(rules.fileno(),),
        )
    return done.returncode == 0


def seccomp_filter() -> BinaryIO:
    """A file with the filter as the kernel takes it; raises ``ImportError`` or ``RuntimeError``
    where libseccomp is not there."""
    import errno

    import pyseccomp

    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        try:
            rules.add_rule(refuse, name)
        except (OSError, ValueError):
            if name in ("socket", "socketpair"):
                raise
            continue  # a call that this kernel's architecture or this libseccomp does not have
    thread = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0)
    rules.add_rule(refuse, "clone", thread)
    # glibc then falls back to clone, whose arguments a filter can see.
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    file = TemporaryFile()  # noqa: SIM115 - it lives until the child has it
    rules.export_bpf(file)
    file.seek(0)
    return file


def sandboxed(program: str, folder: Path, scratch: int, filter_: BinaryIO) -> list[str]:
    """The command that runs :mod:`child` on the order in ``folder``, isolated."""
    command = _shut_in(program, folder, scratch, filter_)
    return [*command, sys.executable, "-I", "-S", "-c", _START, "/order"]


def _shut_in(program: str, folder: Path, scratch: int, filter_: BinaryIO) -> list[str]:
    command = [
        *(program, "--unshare-all", "--unshare-user", "--disable-userns"),
        *("--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
        *("--uid", "65534", "--gid", "65534", "--hostname", "algorithm"),
    ]
    for root in _ROOTS:
        if Path(root).is_symlink():
            command += ["--symlink", str(Path(root).readlink()), root]
        elif Path(root).is_dir():
            command += ["--ro-bind", root, root]
    # Before what may lie below it: a Python in /tmp is to be seen.
    command += ["--size", str(scratch), "--tmpfs", "/tmp"]  # noqa: S108 - the sandbox's own
    for place in _pythons():
        command += ["--ro-bind", place, place]
    for device in _DEVICES:
        command += ["--dev-bind", device, device]
    command += ["--ro-bind", str(folder), "/order", "--ro-bind", str(CHILD), "/child.py"]
    command += ["--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108
    for name, value in environment().items():
        command += ["--setenv", name, value]
    return [*command, "--seccomp", str(filter_.fileno())]


_START = "import sys; sys.path[:0] = {paths!r}; exec(open('/child.py').read())".format(
    paths=[path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
)


def bare(folder: Path) -> list[str]:
    """The same without isolation: limits alone."""
    return [sys.executable, "-I", str(CHILD), str(folder)]


def environment() -> dict[str, str]:
    """All that the child knows of its surroundings."""
    one = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS")
    return {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": "/tmp"} | dict.fromkeys(one, "1")  # noqa: S108


def _pythons() -> list[str]:
    """Where Python and its packages are, unless under the roots already."""
    found = dict.fromkeys(os.path.realpath(one) for one in (sys.base_prefix,))
    found[sys.prefix] = None
    return [one for one in found if not one.startswith(("/usr/", "/lib/"))]
