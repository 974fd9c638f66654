#!/bin/sh
# Runs a command, and again as long as it ends with 75: something outside did not answer. Ends as the command ended.
#   again.sh TIMES SECONDS COMMAND …    the pause is doubled each time
set -u
times=$1 pause=$2
shift 2
while :; do
    "$@"
    code=$?
    times=$((times - 1))
    if [ "$code" -ne 75 ] || [ "$times" -le 0 ]; then
        exit "$code"
    fi
    echo "again.sh: did not answer; again in $pause s, $times left" >&2
    sleep "$pause"
    pause=$((pause * 2))
done
