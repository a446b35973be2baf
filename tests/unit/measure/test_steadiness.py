"""What makes a machine unsteady, found in /proc and /sys trees that were written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from machine_tree import OWN, begin, calm_machine, cpu_stat, process_stat, ten_seconds_later, write

from bakeoff.measure.finding import Finding, Place
from bakeoff.measure.setting import find_cpu_sets
from bakeoff.measure.steadiness import PAGE_BYTES, judge_machine, observe_machine
from bakeoff.report.words import reason_text

STEADY_SLICES = tuple(np.exp(np.random.default_rng(5).normal(np.log(0.05), 0.01, 200)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    calm_machine(tmp_path)
    return tmp_path


def found_after(root: Path, later: dict[str, str], slices: Sequence[float] = STEADY_SLICES) -> dict[str, list[Finding]]:
    """Return what is found by name after ten calm seconds in which this became otherwise."""

    def work() -> Sequence[float]:
        ten_seconds_later(root)
        write(root, later)
        return slices

    begin(root)
    place = Place(frozenset({0}), frozenset({1}), root)
    found: dict[str, list[Finding]] = {}
    for finding in judge_machine(place, observe_machine(place, work), OWN):
        found.setdefault(finding.what, []).append(finding)
    return found


def only(findings: list[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_a_calm_machine_is_steady_in_everything_and_has_nothing_to_mend(root: Path) -> None:
    found = found_after(root, {})
    states = {what: (only(findings).state, only(findings).remedy) for what, findings in found.items()}
    assert states == dict.fromkeys(found, ("steady", None))
    assert len(found) == 11


def test_nothing_that_cannot_be_read_is_called_steady_or_given_a_figure(tmp_path: Path) -> None:
    place = Place(frozenset({0}), frozenset({1}), tmp_path)
    findings = judge_machine(place, observe_machine(place, lambda: []), OWN)
    assert {finding.state for finding in findings} == {"unknown"}
    for finding in findings:
        assert "unknown" in reason_text(finding.found)
        assert not [value for value in finding.found.values.values() if value == 0.0 and isinstance(value, float)]


def test_steal_is_of_both_cpu_sets_and_judged_by_the_limit_of_trials(root: Path) -> None:
    finding = only(found_after(root, cpu_stat(1450, 1450, 110))["steal"])
    assert finding.state == "unsteady" and finding.remedy is not None
    assert finding.found.code == "steal" and finding.found.values["percent"] == pytest.approx(10.0)
    little = only(found_after(root, cpu_stat(1500, 1480, 30))["steal"])
    assert little.state == "steady" and little.found.code == "steal_within"


def test_counters_that_stand_still_say_nothing_of_steal(root: Path) -> None:
    assert only(found_after(root, cpu_stat(1000, 1000, 10))["steal"]).state == "unknown"


def test_the_share_of_the_time_that_work_waits_for_its_cpu(root: Path) -> None:
    finding = only(found_after(root, {"proc/thread-self/schedstat": "9000000000 3001000000 60\n"})["run queue"])
    assert finding.state == "unsteady"
    assert finding.found.values["percent"] == pytest.approx(30.0)


def test_busy_neighbours_are_named_the_busiest_first(root: Path) -> None:
    # Both ran on our CPUs, so that all of the machine's time is accounted for.
    later = {**process_stat(7, "sshd", 330), **process_stat(8, "a) R 1 (b", 600, 90_000), **cpu_stat(1950, 1050, 10)}
    findings = found_after(root, later)["neighbours"]
    named = [(f.found.code, f.found.values["pid"], f.found.values["name"], f.found.values["percent"]) for f in findings]
    assert named == [
        ("neighbour", 8, "a) R 1 (b", pytest.approx(60.0)),
        ("neighbour", 7, "sshd", pytest.approx(30.0)),
    ]
    assert "kill -STOP 8" in reason_text(findings[0].remedy or findings[0].found)


def test_a_pid_that_another_process_took_over_is_counted_from_its_own_start(root: Path) -> None:
    later = {**process_stat(7, "new", 100, started=100_500), **cpu_stat(1550, 1450, 10)}
    assert only(found_after(root, later)["neighbours"]).found.values["percent"] == pytest.approx(10.0)


def test_a_neighbour_on_other_cpus_disturbs_nobody(root: Path) -> None:
    later = {**process_stat(7, "sshd", 900), "proc/7/status": "Cpus_allowed_list:\t2-3\n"}
    assert only(found_after(root, later)["neighbours"]).found.code == "no_neighbour"


def test_more_than_a_few_neighbours_are_added_up(root: Path) -> None:
    many = {name: text for pid in range(10, 18) for name, text in process_stat(pid, "x", 100, 100_500).items()}
    findings = found_after(root, {**many, **cpu_stat(1900, 1100, 10)})["neighbours"]
    assert [finding.found.code for finding in findings] == [*["neighbour"] * 5, "neighbours_more"]
    assert findings[-1].found.values == {"count": 3, "percent": pytest.approx(30.0)}


def test_work_that_no_process_explains_is_said(root: Path) -> None:
    finding = only(found_after(root, cpu_stat(1900, 1100, 10))["neighbours"])
    assert finding.found.code == "unseen_work"
    assert finding.found.values["percent"] == pytest.approx(79.8)  # 18 s of two CPUs; 10 s are ours, 0.02 s sshd's


def test_a_quota_is_unsteady_where_it_throttles_or_is_narrower_than_the_cpus(root: Path) -> None:
    group = "sys/fs/cgroup/mine"
    write(root, {f"{group}/cpu.max": "200000 100000\n", f"{group}/cpu.stat": "nr_periods 100\nnr_throttled 0\n"})
    calm = only(found_after(root, {f"{group}/cpu.stat": "nr_periods 200\nnr_throttled 0\n"})["CPU quota"])
    assert calm.state == "steady" and calm.found.values == {"cpus": 2.0, "used": 2, "percent": 0.0}
    throttled = only(found_after(root, {f"{group}/cpu.stat": "nr_periods 300\nnr_throttled 50\n"})["CPU quota"])
    assert throttled.state == "unsteady" and throttled.found.code == "throttled"
    write(root, {f"{group}/cpu.max": "150000 100000\n"})
    narrow = only(found_after(root, {})["CPU quota"])
    assert narrow.state == "unsteady" and narrow.remedy is not None and narrow.remedy.values == {"cpus": 2}


def test_swap_matters_where_it_is_used_meanwhile(root: Path) -> None:
    write(root, {"proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 2000 1000 100\n"})
    still = only(found_after(root, {})["swap"])
    assert still.state == "steady" and still.found.values["bytes"] == 1024_000
    moving = only(found_after(root, {"proc/vmstat": "pswpin 13\npswpout 21\n"})["swap"])
    assert moving.state == "unsteady" and moving.found.values["moved_bytes"] == 4 * PAGE_BYTES
    assert "/dev/zram0" in reason_text(moving.found)
    (root / "proc/vmstat").unlink()
    assert only(found_after(root, {})["swap"]).state == "unknown"


def test_a_noisy_machine_sees_less_than_the_margin_or_says_that_it_cannot_tell(root: Path) -> None:
    noisy = np.exp(np.random.default_rng(5).normal(np.log(0.05), 0.9, 200))
    finding = only(found_after(root, {}, noisy)["a 2-minute run"])
    assert finding.state == "unsteady" and finding.remedy is not None
    percent = finding.found.values["percent"]
    assert isinstance(percent, float) and percent > 5
    rising = only(found_after(root, {}, np.linspace(0.05, 0.5, 100))["a 2-minute run"])
    assert rising.state == "unknown" and "percent" not in rising.found.values


def test_threads_of_one_core_and_cpus_in_both_sets_are_named(root: Path) -> None:
    write(root, {"sys/devices/system/cpu/cpu0/topology/thread_siblings_list": "0-1\n"})
    assert find_cpu_sets(Place(frozenset({0}), frozenset({1}), root)).found.values == {"cores": "0,1"}
    both = find_cpu_sets(Place(frozenset({0, 1}), frozenset({1}), root))
    assert (both.state, both.found.code, both.found.values) == ("unsteady", "cpus_shared", {"cpus": "1"})


@pytest.mark.parametrize(
    ("what", "files", "state", "says"),
    [
        ("cpuset", {"sys/devices/system/cpu/online": "0-7\n"}, "steady", "only 0,1 of the CPUs 0-7"),
        ("cpuset", {"proc/self/status": "Cpus_allowed_list:\t1\n"}, "unsteady", "only 1 of the CPUs 0-1"),
        ("turbo", {"sys/devices/system/cpu/intel_pstate/no_turbo": "0\n"}, "unsteady", "on: the clock depends"),
        ("memory", {"proc/meminfo": "MemAvailable: 1000000 kB\n"}, "unsteady", "1.02 GB can still be had"),
        (
            "memory",
            {
                "sys/fs/cgroup/mine/memory.max": "4000000000\n",
                "sys/fs/cgroup/mine/memory.current": "3500000000\n",
                "sys/fs/cgroup/mine/memory.stat": "inactive_file 500000000\n",
            },
            "unsteady",
            "1 GB can still be had within a limit of 4 GB",
        ),
    ],
)
def test_the_setting(root: Path, what: str, files: dict[str, str], state: str, says: str) -> None:
    write(root, files)
    finding = only(found_after(root, {})[what])
    assert finding.state == state
    assert says in reason_text(finding.found)
    assert (finding.remedy is not None) == (state == "unsteady")


def test_a_governor_that_follows_the_load_is_unsteady(root: Path) -> None:
    for path in root.glob("sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"):
        path.write_text("schedutil\n", encoding="ascii")
    finding = only(found_after(root, {})["frequency governor"])
    assert finding.state == "unsteady" and finding.found.values == {"governor": "schedutil"}


def test_boost_is_turned_off_by_the_other_value(root: Path) -> None:
    (root / "sys/devices/system/cpu/intel_pstate/no_turbo").unlink()
    write(root, {"sys/devices/system/cpu/cpufreq/boost": "1\n"})
    remedy = only(found_after(root, {})["turbo"]).remedy
    assert remedy is not None
    assert reason_text(remedy) == "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"
