#!/usr/bin/env bash
# venv.sh NAME REQUIREMENTS  a Python of its own in Catena's cache, with the packages of a file; says
# where it is. With everything in place it takes a second and no network.
set -eu -o pipefail

venv=${XDG_CACHE_HOME:-$HOME/.cache}/catena/$1-venv
test -x "$venv/bin/python" || python3 -m venv "$venv" >&2
"$venv/bin/python" -m pip install -q --disable-pip-version-check --retries 1 -r "$2" >&2
echo "$venv/bin/python"
