#!/bin/sh
# Puts DIR/comment.md, which backup.sh wrote, under the pull or merge request
# that the pipeline runs for:
#
#   comment.sh github DIR    needs gh, GH_TOKEN and PR, the number
#   comment.sh gitlab DIR    needs curl, GITLAB_TOKEN (scope api) and GitLab's own
#                            CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID
set -eu
forge=${1:-} file=${2:-.}/comment.md
case "$forge" in
github)
  # The comment of the run before is replaced, if there is one.
  gh pr comment "$PR" --edit-last --body-file "$file" || gh pr comment "$PR" --body-file "$file"
  ;;
gitlab)
  # The token comes by standard input: arguments can be seen by every user.
  printf 'PRIVATE-TOKEN: %s\n' "$GITLAB_TOKEN" |
    curl -fsS --retry 3 -m 30 -o /dev/null -H @- --data-urlencode "body@$file" \
      "$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes"
  ;;
*)
  echo "usage: comment.sh github|gitlab DIR" >&2
  exit 64
  ;;
esac
