# Sourced by the scripts beside it: makes .venv on first use and whenever pyproject.toml changed.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
extras=${BAKEOFF_EXTRAS:-}
stamp=$root/.venv/.installed${extras:+-dev}

find_python() {
  local name
  for name in ${PYTHON:-} python3.11 python3 python; do
    if "$name" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then echo "$name"; return; fi
  done
  echo "bakeoff needs Python 3.11: TensorFlow Lite's last runtime exists for no later one." >&2
  echo "Install it (Debian 12: apt install python3 python3-venv) or name it: PYTHON=/path/to/python3.11 $0" >&2
  exit 2
}

make_venv() {
  local python
  python=$(find_python)
  # Debian ships Python without ensurepip unless python3-venv is installed; an installed pip can help out.
  "$python" -m venv "$root/.venv" >/dev/null 2>&1 && return
  rm -rf "$root/.venv"
  if "$python" -m venv --without-pip "$root/.venv" 2>/dev/null \
      && "$python" -m pip --python "$root/.venv/bin/python" install -q pip 2>/dev/null; then return; fi
  rm -rf "$root/.venv"
  echo "this Python can't make virtual environments; on Debian or Ubuntu: apt install python3-venv" >&2
  exit 2
}

if [ ! "$stamp" -nt "$root/pyproject.toml" ]; then
  echo "bakeoff: setting up .venv (first use only)" >&2
  [ -x "$root/.venv/bin/python" ] && "$root/.venv/bin/python" -c '' 2>/dev/null || make_venv
  "$root/.venv/bin/python" -m pip install -q --disable-pip-version-check -e "$root$extras" >&2
  touch "$stamp"
fi
