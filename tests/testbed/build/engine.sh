# shellcheck shell=bash
# The Docker engine: the one of this machine, or one that is started where none answers.
engine_answers() { docker info >/dev/null 2>&1; }

engine() { once engine engine_answers engine_start; }

engine_start() {
  command -v dockerd >/dev/null && command -v iptables >/dev/null || packages docker.io iptables
  # A killed engine leaves files that name its processes; when those numbers belong to others by now, the next one refuses.
  local file
  for file in /var/run/docker.pid /var/run/docker/containerd/containerd.pid; do
    # A process that has ended and was not reaped has no program any more.
    case $(readlink "/proc/$(cat "$file" 2>/dev/null)/exe") in */dockerd | */containerd) ;; *) rm -f "$file" ;; esac
  done
  say "no Docker engine answers: starting one"
  setsid nohup dockerd >"$TESTBED_CACHE/logs/dockerd.log" 2>&1 </dev/null 9>&- &
  echo $! >"$TESTBED_CACHE/dockerd.pid"
  for _ in $(seq 60); do
    engine_answers && return
    kill -0 "$(cat "$TESTBED_CACHE/dockerd.pid")" 2>/dev/null || break
    sleep 1
  done
  tail -n 20 "$TESTBED_CACHE/logs/dockerd.log" >&2
  die "the Docker engine did not start; its log is $TESTBED_CACHE/logs/dockerd.log"
}

engine_stop() {
  local pid
  pid=$(cat "$TESTBED_CACHE/dockerd.pid" 2>/dev/null) || return 0
  rm -f "$TESTBED_CACHE/dockerd.pid"
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 0
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
  say "the Docker engine that the test bed started is stopped"
}
