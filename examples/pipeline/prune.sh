#!/bin/sh
# Pruning in two steps, with an approval between them:
#
#   prune.sh plan  MANIFEST DIR    only reads; writes DIR/plan.json, its SHA-256
#                                  and DIR/summary.txt for whoever approves.
#                                  Ends with 0 if nothing is to be pruned, 2 if
#                                  something is.
#   prune.sh apply DIR SHA256      does exactly what was reviewed, or refuses.
#
# PHLB is the program, if it is not in the PATH. MAX_DURATION bounds the
# removal; what is left goes the next time.
set -eu
phlb=${PHLB:-phlb}

case "${1:-}" in
plan)
  manifest=$2 dir=$3
  mkdir -p "$dir"
  code=0
  "$phlb" plan "$manifest" --prune-only --detailed-exitcode --progress none \
    -o "$dir/plan.json" >"$dir/summary.txt" || code=$?
  cat "$dir/summary.txt"
  sha256sum "$dir/plan.json" | cut -d' ' -f1 >"$dir/plan.sha256"
  exit "$code"
  ;;
apply)
  dir=$2 sha256=$3
  # The hash comes from the approval, not from the directory: a plan that was
  # exchanged since is refused (exit code 5), as is one that the root has moved
  # on from. Pins that were set meanwhile are respected.
  exec "$phlb" apply "$dir/plan.json" --expect-sha256 "$sha256" \
    --max-duration "${MAX_DURATION:-4h}" --progress none
  ;;
*)
  echo "usage: prune.sh plan MANIFEST DIR | prune.sh apply DIR SHA256" >&2
  exit 64
  ;;
esac
