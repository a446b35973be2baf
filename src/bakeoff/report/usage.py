"""What each server takes: memory under load, and time to start."""

from __future__ import annotations

from bakeoff.report.contest import Contest


def peak_memory(contest: Contest) -> dict[tuple[str, str], float]:
    """Return the largest memory of all of a server's processes under load, in bytes, by target and format."""
    found: dict[tuple[str, str], float] = {}
    for m in contest.trials:
        if m.peak_rss_bytes:
            place = m.target, m.format
            found[place] = max(found.get(place, 0.0), float(m.peak_rss_bytes))
    return found


def least_memory(contest: Contest) -> dict[str, float]:
    """Return each target's peak memory under load, in bytes; of several formats the least."""
    found: dict[str, float] = {}
    for (target, _), peak in peak_memory(contest).items():
        found[target] = min(found.get(target, peak), peak)
    return found


def start_up(contest: Contest) -> dict[str, float]:
    """Return each target's seconds to the first right answers with this model; of several formats the least."""
    ours = f"{contest.model.name} "
    found = {
        state.name: [seconds for what, seconds in (state.ready_seconds or {}).items() if what.startswith(ours)]
        for state in contest.report.targets
    }
    return {name: min(times) for name, times in found.items() if times}
