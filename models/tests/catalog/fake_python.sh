#!/bin/sh
# Stands for Python with pip: `pip download … --dest DIR NAME==VERSION`.
# It is run through a symbolic link; wheels and a `behaviour` lie beside the link.
here=$(dirname "$0")
echo "$*" >> "$here/calls"
while [ $# -gt 0 ]; do
    case "$1" in
        --dest) dest=$2; shift ;;
        *==*) wanted=$1 ;;
    esac
    shift
done
name=${wanted%%==*}
case "$(cat "$here/behaviour" 2>/dev/null)" in
    hang)
        echo $$ > "$here/pid.new"
        mv "$here/pid.new" "$here/pid"
        exec sleep 600 ;;
    "fail $name")
        echo "WARNING: Retrying" >&2
        echo "ERROR: No matching distribution found for $wanted" >&2
        exit 1 ;;
esac
cp "$here/$name.whl" "$dest/$name-py3-none-any.whl"
