# Health check inside the public image, which has bash and little else: healthy.bash MODEL REST_PORT GRPC_PORT
# A canary prediction over REST and a connection to the gRPC port; once both went well, again only after five minutes.
set -euo pipefail
stamp=/tmp/healthy
if [ -n "$(find "$stamp" -mmin -5 2>/dev/null)" ]; then exit 0; fi
body=$(<"/artifacts/$1/canary.json")
exec 3<>"/dev/tcp/127.0.0.1/$3" 4<>"/dev/tcp/127.0.0.1/$2"
printf 'POST /v1/models/%s:predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s' \
  "$1" "${#body}" "$body" >&4
grep -q '"predictions"' <&4
touch "$stamp"
