#!/bin/sh
# Backups of many hosts, planned on each, approved once, applied on each:
#
#   fleet.sh plan MANIFEST HOST DIR     on the host: only reads, and writes
#                                       DIR/HOST/ to be handed over
#   fleet.sh collect DIR                in one place: DIR/summary.md for whoever
#                                       approves, and DIR/approved, the plans that
#                                       this is about; prints the latter's SHA-256,
#                                       which is what is approved
#   fleet.sh apply HOST DIR SHA256      on the host: applies its plan, if the list
#                                       and the plan are the approved ones
#
# The root must exist before: of several plans that would begin it, the first one
# does and the others are refused. So back up one host first, by itself.
#
# PHLB is the program, if it is not in the PATH.
set -eu
phlb=${PHLB:-phlb}
sum() { sha256sum "$1" | cut -d' ' -f1; }

case "${1:-}" in
plan)
  manifest=$2 host=$3 dir=$4/$3
  mkdir -p "$dir"
  rm -f "$dir"/*
  code=0
  "$phlb" plan "$manifest" --source "hosts/$host" --detailed-exitcode --progress none -o "$dir/plan.json" || code=$?
  case $code in
  0 | 2 | 4) ;;
  *) exit "$code" ;; # no plan: this host's job fails, the others go on
  esac
  echo "$code" >"$dir/code"
  "$phlb" show "$dir/plan.json" --format markdown >"$dir/comment.md"
  ;;
collect)
  dir=$2
  : >"$dir/approved"
  : >"$dir/summary.md"
  for at in "$dir"/*/; do
    host=$(basename "$at")
    case $(cat "$at/code") in
    0) echo "**$host**: nothing has changed." >>"$dir/summary.md" ;;
    2)
      echo "$(sum "$at/plan.json") $host" >>"$dir/approved"
      cat "$at/comment.md" >>"$dir/summary.md"
      ;;
    *)
      echo "**$host**: a guard tripped. It is not part of this approval." >>"$dir/summary.md"
      cat "$at/comment.md" >>"$dir/summary.md"
      ;;
    esac
    echo >>"$dir/summary.md"
  done
  sum "$dir/approved"
  ;;
apply)
  host=$2 dir=$3 sha256=$4
  if [ "$(sum "$dir/approved")" != "$sha256" ]; then
    echo "$dir/approved is not the list that was approved" >&2
    exit 5
  fi
  # Host names have no blanks.
  plan=$(awk -v host="$host" '$2 == host {print $1}' "$dir/approved")
  if [ -z "$plan" ]; then
    echo "nothing is approved for $host"
    exit 0
  fi
  # The others may be writing: they are waited for.
  exec "$phlb" apply "$dir/$host/plan.json" --expect-sha256 "$plan" --lock-timeout "${LOCK_TIMEOUT:-4h}" --progress none
  ;;
*)
  echo "usage: fleet.sh plan MANIFEST HOST DIR | collect DIR | apply HOST DIR SHA256" >&2
  exit 64
  ;;
esac
