#!/bin/sh
# A mail about a backup, as a hook: on_error: ["sh ./mail.sh"]. Needs a sendmail,
# which every mail server and msmtp, nullmailer and dma bring. MAILTO says whom
# it is for (default: root); the environment that phlb gives to hooks the rest.
set -eu
host=$(uname -n)
# Nothing of a path or an error may become a header of its own.
subject=$(printf 'phlb on %s: %s of %s (exit code %s)' "$host" "${PHLB_STATUS:-failed}" "$PHLB_NAME" "$PHLB_EXIT_CODE" | tr -d '\r\n')
{
  printf 'To: %s\nSubject: %s\nContent-Type: text/plain; charset=utf-8\n\n' "${MAILTO:-root}" "$subject"
  if [ -n "$PHLB_ERROR" ]; then printf '%s\n\n' "$PHLB_ERROR"; fi
  printf '%s files, %s of them copied (%s bytes); %s drifted, %s vanished, %s failed, %s unreadable\n' \
    "$PHLB_FILES" "$PHLB_COPIED_FILES" "$PHLB_COPIED_BYTES" "$PHLB_DRIFTED" "$PHLB_VANISHED" "$PHLB_FAILED" "$PHLB_UNREADABLE"
  printf 'source: %s\nsnapshot: %s\nlog: %s\n' "$PHLB_SOURCE" "${PHLB_SNAPSHOT_PATH:-none}" "${PHLB_LOG:-none}"
} | PATH=$PATH:/usr/sbin:/usr/lib sendmail -t
