#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The guest's side of benches/checks.sh.
. "$HERE/dist/guest/prepare"
work=/run/bench
mkdir -p "$work"
# So many servers, each checked once a second, for so many seconds.
busy=400
seconds=20
# So many checkers that have nothing to do for the next hour.
idle=10000

# A server that answers with a page when it is asked for one, and else only closes.
cat >"$work/server.py" <<'END'
import asyncio
PAGE = b"HTTP/1.0 200 OK\r\nServer: bench\r\n\r\nhello"
async def serve(reader, writer):
    if await reader.read(1024):
        writer.write(PAGE)
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", 8000, backlog=1000)
    await server.serve_forever()
asyncio.run(main())
END
python3 "$work/server.py" &
server=$!

# configure SERVERS DELAY CHECK
configure() {
  awk -v servers="$1" -v delay="$2" -v check="$3" 'BEGIN {
    print "virtual_server 10.99.0.1 80 {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n delay_loop " delay "\n warmup 1"
    for (s = 0; s < servers; s++)
      printf " real_server 127.%d.%d.%d 8000 {\n  %s\n }\n", 1 + int(s / 62500), int(s / 250) % 250, s % 250 + 1, check
    print "}"
  }' >"$work/bench.conf"
}
# The one child of the daemon.
checker() { cat "/proc/$pid/task/$pid/children" 2>/dev/null | awk '{ print $1 }'; }
ticks() { sed 's/^[0-9]* (.*) //' "/proc/$(checker)/stat" | awk '{ print $12 + $13 }'; }
resident() { awk '/^VmRSS/ { print $2 }' "/proc/$(checker)/status"; }
begin() {
  "${program[@]}" -n -l -C -f "$work/bench.conf" -p "$work/p" -c "$work/c" -r "$work/r" >"$work/log" 2>&1 &
  pid=$!
}
end() {
  kill -TERM "$pid"
  wait "$pid" 2>/dev/null
}
# cost CHECK: microseconds of CPU of one check
cost() {
  configure "$busy" 1 "$1"
  begin
  sleep 8
  local before
  before=$(ticks)
  sleep "$seconds"
  echo "$(ticks) $before" | awk -v checks=$((busy * seconds)) '{ printf "%.0f", ($1 - $2) * 10000 / checks }'
  end
}
# weight: octets of a checker that rests
weight() {
  local one many
  configure 1 3600 "TCP_CHECK {\\n}"
  begin; sleep 6; one=$(resident); end
  configure "$idle" 3600 "TCP_CHECK {\\n}"
  # Its one check may be long over or not yet begun: what it keeps is the same.
  begin; sleep 20; many=$(resident); end
  echo $(((many - one) * 1024 / (idle - 1)))
}
modprobe -d /run/modules ip_vs 2>/dev/null
modprobe -d /run/modules ip_vs_rr 2>/dev/null
printf '%-12s %22s %22s %26s\n' "" "CPU of a TCP check" "CPU of an HTTP check" "memory of a checker at rest"
for who in keepalived steadfast; do
  case $who in
    keepalived) program=("$THEIRS") ;;
    steadfast) program=("$OURS") ;;
  esac
  [ -x "${program[0]}" ] || continue
  printf '%-12s %19s us %19s us %24s B\n' "$who" "$(cost "TCP_CHECK {\\n}")" \
    "$(cost "HTTP_GET {\\n url {\\n path /\\n }\\n }")" "$(weight)"
done
kill "$server"
leave 0
