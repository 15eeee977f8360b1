"""What the operating system and its log tell about the server process. Linux only, as it reads /proc."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_LOOP = re.compile(r" event='event loop' (.*)$")
_FIGURE = re.compile(r"(\w+)=([\d.]+)")
_STOOD = " event='the event loop stood still'"


def child(module: str) -> int:
    """The id of the child process of ours that runs a module.

    Raises:
        LookupError: There is none.
    """
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            runs = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == os.getpid() and module.encode() in runs:
            return int(entry.name)
    raise LookupError(module)


def resident_mib(pid: int) -> float:
    """Memory of a process that is in use, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s*(\d+)", status)[1]) / 1024  # type: ignore[index]  # every process has it


def processor_s(pid: int) -> float:
    """Processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def sockets(pid: int) -> int:
    """How many sockets a process has open."""
    links = (str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir())
    return sum(link.startswith("socket:") for link in links)


@dataclass(frozen=True)
class Minute:
    """How the server's event loop did for a minute, by its own log.

    Attributes:
        worst_ms: The longest stand-still that was its own doing.
        p999_ms: The 99.9th percentile of them.
        with_machine_ms: The longest of all, with what the machine ran of others meanwhile.
        tasks: How many tasks there were at its end.
    """

    worst_ms: float
    p999_ms: float
    with_machine_ms: float
    tasks: int


def minutes(log: Path) -> list[Minute]:
    """What the server wrote of its loop so far."""
    told = [dict(_FIGURE.findall(found[1])) for line in _lines(log) if (found := _LOOP.search(line))]
    return [
        Minute(float(each["worst_ms"]), float(each["p999_ms"]), float(each["with_machine_ms"]), int(each["tasks"]))
        for each in told
    ]


def warnings(log: Path) -> list[str]:
    """Stand-stills that the server found worth a warning."""
    return [line for line in _lines(log) if _STOOD in line]


def _lines(log: Path) -> list[str]:
    return log.read_text("utf-8").splitlines()
