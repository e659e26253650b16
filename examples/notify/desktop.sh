#!/bin/sh
# A notification on the desktop, as a hook of a backup that you run yourself:
# on_error: ["sh ./desktop.sh"]. Needs notify-send (libnotify). From a systemd
# user unit it finds the session by itself; elsewhere DBUS_SESSION_BUS_ADDRESS
# must be set.
set -eu
urgency=low
if [ -n "$PHLB_ERROR" ]; then urgency=critical; fi
notify-send --app-name=phlb --urgency="$urgency" -- "Backup of $PHLB_NAME: ${PHLB_STATUS:-failed}" \
  "${PHLB_ERROR:-$PHLB_COPIED_FILES files copied, $PHLB_LINKED_FILES linked}"
