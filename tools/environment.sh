#!/bin/sh
# Make an environment hold exactly what requirements/NAME.txt pins. usage: environment.sh NAME PYTHON [ENVIRONMENT]
# uv is quick; where it can't install (a package index that only pip is configured for), pip does.
set -eu
requirements=requirements/$1.txt
python=$2
environment=${3:-.venv-$1}
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 PIP_DISABLE_PIP_VERSION_CHECK=1

with_uv() {
    uv=.venv/bin/uv
    [ -x "$uv" ] || return 1
    "$uv" venv --quiet --clear --python "$python" "$environment" &&
        "$uv" pip sync --quiet --require-hashes --only-binary :all: --python "$environment/bin/python" "$requirements"
}

with_pip() {
    "$python" -m venv --clear "$environment" &&
        "$environment/bin/python" -m pip install -qq --require-hashes --only-binary :all: -r "$requirements"
}

echo "installing $requirements into $environment"
with_uv || { echo "uv could not; trying pip" >&2 && with_pip; }
touch "$environment/.installed"
