#!/bin/sh
# Print the path of a CPython 3.11 to 3.14 that can make environments.
# A name on PATH may be a shim that starts nothing, so each candidate has to prove itself by running.
probe='
import ensurepip, ssl, sys, venv
assert sys.implementation.name == "cpython" and (3, 11) <= sys.version_info[:2] <= (3, 14)
print(sys.executable)
'
for candidate in \
    python3 python python3.13 python3.12 python3.14 python3.11 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-4].*/bin/python \
    "$HOME"/.local/share/uv/python/cpython-3.1[1-4].*/bin/python3 \
    /usr/local/bin/python3 /usr/bin/python3
do
    "$candidate" -c "$probe" 2>/dev/null && exit 0
done
echo "No Python 3.11 to 3.14 found (with venv and ssl). Install one, or name it: make ... PYTHON=/path/to/python" >&2
exit 1
