#!/usr/bin/env bash
# Runs all tests and ends with their totals. `make test` prepares what they need.
set -eu -o pipefail
cd "$(dirname "$0")/.."

if ! CATENA_SERVERS=$(scripts/venv.sh servers models/tests/servers/requirements.txt); then
    echo "The server that catena-models is tested against, and the pytest of catena fix, could not be installed: see above" >&2
    CATENA_SERVERS=
fi
export CATENA_SERVERS
if ! CATENA_MCP_SERVERS=$(scripts/npm.sh mcp tools/mcp/tests/servers/package.json); then
    echo "The server that catena-mcp is tested against could not be installed: see above" >&2
    CATENA_MCP_SERVERS=
fi
export CATENA_MCP_SERVERS

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

run() {
    echo "== cargo test $*"
    cargo test --locked --no-fail-fast "$@" 2>&1 | tee -a "$log" || failed=1
}

# Against real servers. Where one cannot be installed they fail, and say so: they are not left out.
run --test servers
# Apart, so that the dependencies of the engine and the indexes keep their features and are not built twice.
heavy=(-p catena-cli -p catena-edge -p catena-fastembed -p catena-local -p catena-qdrant)
run
run "${heavy[@]}"
# Against a Qdrant server, where there is one; skipped, and counted as such, where there is none.
run "${heavy[@]}" --test server -- ${CATENA_QDRANT_URL:+--include-ignored}

awk -v failed="$failed" '
    /^test result: / {
        for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) passed += $(i - 1)
            if ($i ~ /^failed/) broken += $(i - 1)
            if ($i ~ /^ignored/) ignored += $(i - 1)
        }
    }
    END {
        printf "\n%d passed, %d failed, %d skipped\n", passed, broken, ignored
        exit (failed || broken || !passed) ? 1 : 0
    }
' "$log"
