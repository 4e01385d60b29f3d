#!/bin/sh
# Find CPythons on this machine. usage: find_python.sh [-- VERSION...]
# Alone: print the path of one from 3.11 to 3.14 that can make environments, or fail.
# With versions, such as 3.13: print a line "PATH FULL_VERSION" for each that is here.
# A name on PATH may be a shim that starts nothing, so each candidate has to prove itself by running.
probe='
import sys
assert sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
if sys.argv[1:]:
    assert sys.argv[1] == "%d.%d" % sys.version_info[:2]
else:
    import ensurepip, ssl, venv
    assert (3, 11) <= sys.version_info[:2] <= (3, 14)
print("found", "%d.%d.%d" % sys.version_info[:3], sys.executable)
'

# usage: prove PATH [VERSION]
prove() {
    [ -x "$1" ] || return 1
    answer=$("$1" -I -c "$probe" ${2:+"$2"} 2>/dev/null) || return 1
    case $answer in "found "*) ;; *) return 1 ;; esac
    answer=${answer#found }
    if [ -n "$2" ]; then echo "$1 ${answer%% *}"; else echo "${answer#* }"; fi
}

# The first that proves itself: by these names on PATH, then where pyenv and uv install (the newest first), then others.
# usage: first VERSION_OR_NOTHING PATTERN NAME...
first() {
    version=$1 pattern=$2
    shift 2
    for name; do
        IFS=:
        for folder in $PATH; do
            prove "$folder/$name" "$version" && return 0
        done
        unset IFS
    done
    set --
    for candidate in \
        "$HOME"/.local/share/uv/python/cpython-$pattern.*/bin/python3 \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/$pattern.*/bin/python
    do
        set -- "$candidate" "$@"
    done
    for candidate in "$@" /usr/local/bin/python3 /usr/bin/python3; do
        prove "$candidate" "$version" && return 0
    done
    return 1
}

if [ "${1-}" = -- ]; then
    shift
    for version; do
        (first "$version" "$version" "python$version")
    done
    exit 0
fi
first "" "3.1[1-4]" python3 python python3.13 python3.12 python3.14 python3.11 && exit 0
echo "No Python 3.11 to 3.14 found (with venv and ssl). Install one, or name it: make ... PYTHON=/path/to/python" >&2
exit 1
