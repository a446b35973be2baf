"""What is said of a machine, from files written by hand: limits of both versions of cgroups, governors, pins."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from bakeoff.host.machine import Read, describe_machine, is_container, pins, read_governor, read_limits

FIRST_CPU = min(os.sched_getaffinity(0))
ROOT = "/sys/fs/cgroup"


def files(texts: Mapping[str, str]) -> Read:
    return lambda path: texts.get(path, "")


def test_version_2_limits_by_the_narrowest_group() -> None:
    read = files(
        {
            "/proc/self/cgroup": "0::/a/b\n",
            f"{ROOT}/a/b/cpu.max": "max 100000\n",
            f"{ROOT}/a/cpu.max": "150000 100000\n",
            f"{ROOT}/a/b/memory.max": "2147483648\n",
            f"{ROOT}/a/memory.max": "4294967296\n",
        }
    )
    assert read_limits(read) == {"cpus": 1.5, "memory_bytes": 2 << 30}


def test_version_1_has_a_folder_for_each_controller() -> None:
    read = files(
        {
            "/proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/c\n0::/\n",
            f"{ROOT}/cpu,cpuacct/c/cpu.cfs_quota_us": "50000\n",
            f"{ROOT}/cpu,cpuacct/c/cpu.cfs_period_us": "100000\n",
            f"{ROOT}/memory/m/memory.limit_in_bytes": "1073741824\n",
            f"{ROOT}/memory/memory.limit_in_bytes": "9223372036854771712\n",
        }
    )
    assert read_limits(read) == {"cpus": 0.5, "memory_bytes": 1 << 30}


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"/proc/self/cgroup": "0::/\n", f"{ROOT}/cpu.max": "max 100000\n", f"{ROOT}/memory.max": "max\n"},
        {"/proc/self/cgroup": "4:cpu:/c\n", f"{ROOT}/cpu/c/cpu.cfs_quota_us": "-1\n"},
        {"/proc/self/cgroup": "5:memory:/\n", f"{ROOT}/memory/memory.limit_in_bytes": "9223372036854771712\n"},
    ],
)
def test_no_limit_and_none_that_can_be_read_are_none(texts: dict[str, str]) -> None:
    assert read_limits(files(texts)) == {"cpus": None, "memory_bytes": None}


def test_the_governor_is_none_where_the_kernel_shows_none() -> None:
    path = f"/sys/devices/system/cpu/cpu{FIRST_CPU}/cpufreq/scaling_governor"
    assert read_governor(files({path: "performance\n"})) == "performance"
    assert read_governor(files({})) is None


def test_a_container_is_known_by_its_first_process() -> None:
    assert is_container(files({"/proc/1/cgroup": "0::/docker/0123abcd\n"}))
    assert is_container(files({"/proc/1/environ": "PATH=/bin\0container=podman\0"}))


def test_pins_are_read_with_extras_and_without_comments() -> None:
    text = "# numpy==1\nlocust[x]==2.47.0\npycurl==7.49.0  # timed in C\nloose>=1\n"
    assert pins(text) == {"locust": "2.47.0", "pycurl": "7.49.0"}


def test_this_machine_can_be_described() -> None:
    machine = describe_machine()
    assert isinstance(machine["cpus"], int) and machine["cpus"] >= 1
    versions = machine["versions"]
    assert isinstance(versions, dict) and "libcurl" in versions["libcurl"] and "loadtest locust" in versions
