#!/bin/sh
# A push notification through ntfy (ntfy.sh or a server of your own), as a hook:
# on_error: ["sh ./ntfy.sh"]. NTFY_URL is the topic's URL and a secret: it stands
# in a file that curl reads, not among arguments that every user can see.
set -eu
: "${NTFY_URL:?the URL of the topic}"
priority=default
if [ -n "$PHLB_ERROR" ]; then priority=high; fi
printf '%s on %s: %s\n' "$PHLB_NAME" "$(uname -n)" "${PHLB_ERROR:-$PHLB_STATUS, $PHLB_COPIED_FILES files copied}" |
  curl -fsS -m 10 --retry 3 -o /dev/null -H "Title: phlb backup" -H "Priority: $priority" --data-binary @- --config /dev/fd/3 3<<CONFIG
url = "$NTFY_URL"
CONFIG
