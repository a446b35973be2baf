#!/bin/sh
# Health check of a container: healthy.sh REST_URL GRPC_PORT CANARY.json
# Once a canary prediction went well, the next one is made after five minutes: until then this must cost a trial nothing.
stamp=/tmp/healthy
if [ -n "$(find "$stamp" -mmin -5 2>/dev/null)" ]; then exit 0; fi
python -S -E "$(dirname "$0")/canary.py" "$@" && touch "$stamp"
