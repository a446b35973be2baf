"""A machine's /proc and /sys in a folder, written by hand: two CPUs, bakeoff as process 100 and one quiet neighbour."""

from __future__ import annotations

from pathlib import Path

OWN = 100
TICKS_PER_S = 100
SEEN_S = 10.0


def write(root: Path, texts: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def process_stat(pid: int, name: str, ticks: int, started: int = 50) -> dict[str, str]:
    """Return a process's files; the ticks are half the user's, half the system's."""
    fields = f"S 1 1 1 0 -1 0 0 0 0 0 {ticks // 2} {ticks - ticks // 2} 0 0 20 0 1 0 {started} 0 0"
    return {f"proc/{pid}/stat": f"{pid} ({name}) {fields}\n", f"proc/{pid}/status": "Cpus_allowed_list:\t0-1\n"}


def cpu_stat(busy: int, idle: int, steal: int) -> dict[str, str]:
    """Return /proc/stat of two CPUs that did the same: ticks of each."""
    rows = "".join(f"cpu{cpu} {busy} 0 0 {idle} 0 0 0 {steal} 0 0\n" for cpu in (0, 1))
    return {"proc/stat": f"cpu  0 0 0 0 0 0 0 0 0 0\n{rows}intr 1\n"}


def calm_machine(root: Path) -> None:
    """Write a machine that disturbs nothing, as it is at the start."""
    write(
        root,
        {
            "proc/self/status": "Name:\tpython\nCpus_allowed_list:\t0-1\n",
            "proc/self/cgroup": "0::/mine\n",
            "proc/swaps": "Filename\tType\tSize\tUsed\tPriority\n",
            "proc/vmstat": "pgpgin 5\npswpin 10\npswpout 20\n",
            "proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n",
            "sys/fs/cgroup/mine/cpu.max": "max 100000\n",
            "sys/devices/system/cpu/online": "0-1\n",
            "sys/devices/system/cpu/intel_pstate/no_turbo": "1\n",
            **{f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list": f"{cpu}\n" for cpu in (0, 1)},
            **{f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor": "performance\n" for cpu in range(256)},
        },
    )
    begin(root)


def begin(root: Path) -> None:
    """Set what counts to where it begins."""
    write(
        root,
        {
            "proc/uptime": "1000.00 900.00\n",
            "proc/thread-self/schedstat": "5000000 1000000 7\n",
            **cpu_stat(1000, 1000, 10),
            **process_stat(OWN, "python", 500),
            **process_stat(7, "sshd", 30),
        },
    )


def ten_seconds_later(root: Path) -> None:
    """Let ten seconds pass in which only bakeoff ran, on one CPU's worth of both, and waited for 0.02 s."""
    write(
        root,
        {
            "proc/uptime": f"{1000 + SEEN_S:.2f} 910.00\n",
            "proc/thread-self/schedstat": "9005000000 21000000 60\n",
            **cpu_stat(1500, 1500, 10),
            **process_stat(OWN, "python", 1500),
            **process_stat(7, "sshd", 32),
        },
    )
