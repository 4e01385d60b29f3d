#!/bin/sh
# Pin every group of pyproject.toml in requirements/*.txt. usage: compile_requirements.sh UV [--upgrade]
set -eu
uv=$1
shift
cd "$(dirname "$0")/.."

compile() {
    group=$1
    shift
    "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
        --custom-compile-command "make requirements" --group "$group" --output-file "requirements/$group.txt" "$@"
}

for group in uv runtime demo test interop sam fuzz docs cdk site release; do
    compile "$group" "$@"
done
# cffi needs pycparser to build bindings, which nobody does inside a function.
for group in layer-core neighbours; do
    compile "$group" --no-emit-package pycparser "$@"
done
# The X-Ray SDK needs botocore, which the runtime has.
for group in layer layer-crt; do
    compile "$group" --no-emit-package pycparser --no-emit-package botocore \
        --no-emit-package python-dateutil --no-emit-package six --no-emit-package urllib3 "$@"
done
compile emulator --no-deps "$@"
