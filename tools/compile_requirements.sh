#!/bin/sh
# Pin every requirements/*.in. usage: compile_requirements.sh UV [--upgrade]
set -eu
uv=$1
shift
cd "$(dirname "$0")/../requirements"

compile() {
    "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate \
        --custom-compile-command "make requirements" "$@"
}

for name in uv runtime demo test interop sam fuzz docs cdk site release; do
    compile "$name.in" --output-file "$name.txt" "$@"
done
# cffi needs pycparser to build bindings, which nobody does inside a function.
for name in layer-core neighbours; do
    compile "$name.in" --output-file "$name.txt" --no-emit-package pycparser "$@"
done
# The X-Ray SDK needs botocore, which the runtime has.
compile layer.in --output-file layer.txt --no-emit-package pycparser --no-emit-package botocore \
    --no-emit-package python-dateutil --no-emit-package six --no-emit-package urllib3 "$@"
compile emulator.in --output-file emulator.txt --no-deps "$@"
