#!/usr/bin/env bash
# npm.sh NAME PACKAGE.JSON  the npm packages of a file, in a folder of their own in Catena's cache; says
# where they are. With everything in place it takes no time and no network. Needs npm.
set -eu -o pipefail

folder=${XDG_CACHE_HOME:-$HOME/.cache}/catena/$1-npm
mkdir -p "$folder"
if ! cmp -s "$2" "$folder/installed.json"; then
    cp "$2" "$folder/package.json"
    npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-package-lock --loglevel=error >&2
    cp "$2" "$folder/installed.json"
fi
echo "$folder/node_modules"
