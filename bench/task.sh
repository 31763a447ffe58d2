#!/bin/bash
# task.sh ROLE FILE COMMAND...: notes in FILE that this process started, and becomes COMMAND.
# One short append is atomic, so that any number of processes may share the file.
echo "$EPOCHREALTIME $$ $1 $CONTAINER_ID" >> "$2"
shift 2
exec "$@"
