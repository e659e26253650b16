#!/bin/sh
# A backup in two steps, with an approval between them:
#
#   backup.sh plan  MANIFEST DIR [SOURCE…]  only reads; writes into DIR plan.json,
#                                           its SHA-256 (plan.sha256), comment.md
#                                           for a pull request and plan.html for
#                                           whoever approves. Ends with 0 if
#                                           nothing would change, 2 if something
#                                           would, 4 if a guard tripped.
#   backup.sh apply DIR SHA256              does exactly what was reviewed, or
#                                           refuses. With MANIFEST set its after
#                                           and on_error hooks run, and its ping;
#                                           with METRICS set that file is written.
#
# PHLB is the program, if it is not in the PATH.
set -eu
phlb=${PHLB:-phlb}

case "${1:-}" in
plan)
  manifest=$2 dir=$3
  shift 3
  # From "a b" to "--source a --source b".
  for source; do
    set -- "$@" --source "$source"
    shift
  done
  mkdir -p "$dir"
  rm -f "$dir"/plan.* "$dir/comment.md"
  code=0
  "$phlb" plan "$manifest" "$@" --detailed-exitcode --progress none -o "$dir/plan.json" || code=$?
  case $code in
  0 | 2 | 4) ;;
  *) exit "$code" ;;
  esac
  "$phlb" show "$dir/plan.json" --format markdown >"$dir/comment.md"
  "$phlb" show "$dir/plan.json" --format html >"$dir/plan.html"
  sha256sum "$dir/plan.json" | cut -d' ' -f1 >"$dir/plan.sha256"
  exit "$code"
  ;;
apply)
  dir=$2 sha256=$3
  set -- "$dir/plan.json" --expect-sha256 "$sha256" --progress none
  if [ -n "${MANIFEST:-}" ]; then set -- "$@" --hooks "$MANIFEST"; fi
  if [ -n "${METRICS:-}" ]; then set -- "$@" --metrics "$METRICS"; fi
  exec "$phlb" apply "$@"
  ;;
*)
  echo "usage: backup.sh plan MANIFEST DIR [SOURCE…] | backup.sh apply DIR SHA256" >&2
  exit 64
  ;;
esac
