# Sourced by the scripts beside it: makes .venv on first use and whenever what it holds changed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
extras=${BAKEOFF_EXTRAS:-}
lock=$root/requirements${extras:+-dev}.lock
stamp=$root/.venv/.installed${extras:+-dev}

find_python() {
  local name fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14 python; do
    if "$name" -c "$fits" 2>/dev/null; then echo "$name"; return; fi
  done
  echo "bakeoff needs Python 3.11, 3.12, 3.13 or 3.14, and there is none on PATH." >&2
  echo "Install one (Debian 12, Ubuntu 24.04 or later: apt install python3 python3-venv; elsewhere: pyenv install 3.13)" >&2
  echo "or name it: PYTHON=/path/to/python3.13 $0" >&2
  exit 2
}

make_venv() {
  local python
  python=$(find_python)
  # Debian ships Python without ensurepip unless python3-venv is installed; an installed pip or uv can help out.
  "$python" -m venv "$root/.venv" >/dev/null 2>&1 && return
  rm -rf "$root/.venv"
  if "$python" -m venv --without-pip "$root/.venv" 2>/dev/null \
      && "$python" -m pip --python "$root/.venv/bin/python" install -q pip 2>/dev/null; then return; fi
  rm -rf "$root/.venv"
  uv venv -q --seed --python "$python" "$root/.venv" 2>/dev/null && return
  rm -rf "$root/.venv"
  echo "this Python can't make virtual environments; on Debian or Ubuntu: apt install python3-venv" >&2
  exit 2
}

if [ ! "$stamp" -nt "$root/pyproject.toml" ] || [ ! "$stamp" -nt "$lock" ]; then
  echo "bakeoff: setting up .venv (first use only)" >&2
  [ -x "$root/.venv/bin/python" ] && "$root/.venv/bin/python" -c '' 2>/dev/null || make_venv
  log=$root/.venv/install.log
  if ! { "$root/.venv/bin/python" "$root/scripts/install_requirements.py" "$lock" \
      && "$root/.venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps -e "$root"; } >"$log" 2>&1
  then
    tail -n 15 "$log" >&2
    echo "setting up .venv failed (whole log: $log); check the network and pip's settings, then run again" >&2
    exit 1
  fi
  touch "$stamp"
fi
