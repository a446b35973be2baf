"""The sentences of what is wrong with a run beside another, and with a machine: what the gate and the doctor say."""

from __future__ import annotations

DIAGNOSES = {
    # Two runs can't be compared.
    "other_machine": "other machine: {key} ({new}, was {old})",
    "other_cpus": "other CPU set of the {of} ({new}, was {old})",
    "other_workers": "other workers and threads: {target} ({new}, was {old})",
    "other_weights": "other weights of the model {model} ({new}, was {old})",
    "other_workload": "the workload {workload} is another ({new}, was {old})",
    "other_surroundings": "other {what} ({new}, was {old})",
    "nothing_in_common": "they have no {what} in common",
    "servers_not_restarted": "the {run} run did not restart its servers between rounds, so that a process's luck would "
    "pass for a difference; repeat it with --restart-between-rounds",
    # A run is worse than another, or it can't be told.
    "slower": "{model} {endpoint} {workload} {metric} got slower: {ratio:.3f} of what it was ({interval})",
    "changed": "{name} {what} got {word}: {new}, was {old}",
    "no_valid_trial": "{model} {endpoint} has no valid trial of {workloads} any more",
    "metric_gone": "{model} {endpoint} {workload} has no {metric} any more: its requests fail",
    "not_exported": "{model} {format} is no longer exported",
    "too_few_rounds": "{model} {endpoint} {workload} {metric}: {rounds} rounds, and a verdict takes {needed}",
    "nothing_judged": "the runs have no p50 at one caller and no throughput at eight in common",
    # What makes figures unsteady on a machine, or would.
    "unreadable": "unknown: {place} can't be read here",
    "difference_seen": "two equal servers will seem to differ by up to {percent:.2g}%, or {turns_percent:.2g}% if they "
    "took turns every {slice_ms:.0f} ms: an estimate for {run_s:.0f} s, half of them each, from {slices} slices of "
    "the same work on one CPU; a server's own unsteadiness comes on top",
    "difference_unknown": "unknown: what disturbs {slices} slices of {slice_ms:.0f} ms lasts for too long to say by "
    "how much two equal servers will seem to differ in {run_s:.0f} s ({turns_percent:.2g}% if they took turns at each "
    "slice)",
    "steal_within": "the hypervisor took {percent:.1f}% of the CPU time (steal), as far as it says",
    "waited": "work on the servers' CPUs waited {percent:.1f}% of the time for others to be off them",
    "neighbour": "process {pid} ({name}) used {percent:.0f}% of a CPU",
    "neighbours_more": "{count} more processes used {percent:.0f}% of a CPU in all",
    "no_neighbour": "no other process used more than {limit_percent:g}% of a CPU",
    "unseen_work": "what ended meanwhile or can't be seen from here (other containers) used {percent:.0f}% of a CPU",
    "quota": "a CPU quota of {cpus:.3g} CPUs for the {used} in use, which throttled {percent:.1f}% of its periods",
    "no_quota": "no CPU quota",
    "swap": "{bytes:size} are in swap ({places}); {moved_bytes:size} were moved meanwhile",
    "no_swap": "there is none",
    "cpus_shared": "servers and load share the CPUs {cpus}",
    "cores_shared": "servers and load run on threads of the same cores (SMT): {cores}",
    "cpus_apart": "servers on {server}, load on {load}: no core is shared",
    "siblings_unreadable": "servers on {server}, load on {load}; unknown whether these are threads of the same cores",
    "cpuset_whole": "all CPUs, {online}",
    "cpuset_part": "only {usable} of the CPUs {online}",
    "clock_unreadable": "unknown: the kernel doesn't show it (in a virtual machine it is the host's)",
    "governor": "{governor}",
    "turbo_on": "on: the clock depends on heat and on how many cores work",
    "turbo_off": "off",
    "memory_left": "{bytes:size} can still be had{limit}",
    # What would make them steadier.
    "calm_first": "mend what is unsteady below; then more rounds: four times as long halves it. Differences under "
    "{margin_percent:.0f}% count as the same anyway",
    "watch_longer": "mend what is unsteady below, or watch for longer: bakeoff doctor --seconds 60",
    "calm_many": "end them, or pause them for the run: kill -STOP, later kill -CONT",
    "own_host": "take a host, or CPUs, of your own, or another time: trials with so much are repeated, then left out",
    "free_cpus": "end the neighbours below, or keep them off the servers' CPUs: taskset --cpu-list --pid CPUS PID",
    "calm_neighbour": "end it, or pause it for the run: kill -STOP {pid}, later kill -CONT {pid}",
    "look_outside": "look for it on the host: top, docker stats",
    "raise_quota": "run without a quota, or with one of {cpus} CPUs or more (docker run --cpus; cpu.max)",
    "stop_swapping": "end what holds memory, or swap it in before the run: swapoff --all && swapon --all",
    "give_cpus": "let bakeoff run on two cores or more, and name sets that are apart in bench.toml: [cpus]",
    "part_cores": "name sets with whole cores in bench.toml ([cpus]), or switch SMT off: "
    "echo off | sudo tee /sys/devices/system/cpu/smt/control",
    "set_governor": "sudo cpupower frequency-set --governor {governor}",
    "turn_off": "echo {value} | sudo tee {path}",
    "free_memory": "end what holds memory, or raise the limit: a run takes up to {bytes:size}",
    # How apt installs a server that is missing.
    "apt_offers": "its package {package} is in {archive}, which answers here",
    "apt_missing": "this is no Debian or Ubuntu with apt-get",
    "apt_other_machine": "its Debian packages are for {architectures}, this machine is {machine}",
    "apt_unreachable": "{archive}, which has its Debian package, can't be reached from here: {text}",
    "use_docker": "Docker is the other way: scripts/bench --platform docker --target {target}",
}
"""Joined to the sentences in words.py."""
