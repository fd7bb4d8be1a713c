#!/bin/sh
# Drops to the broker's user, as the official image does, and refuses the variables that image refuses.
set -eu
refused=$(env | sed -n 's/^\(RABBITMQ_DEFAULT_PASS_FILE\|RABBITMQ_DEFAULT_USER_FILE\|RABBITMQ_SSL_[A-Z_]*\|RABBITMQ_MANAGEMENT_SSL_[A-Z_]*\|RABBITMQ_VM_MEMORY_HIGH_WATERMARK\)=.*/\1/p')
if [ -n "$refused" ]; then
  echo "error: deprecated environment variables, use a configuration file instead: $refused" >&2
  exit 1
fi
case ${1:-} in rabbitmq*)
  if [ "$(id -u)" = 0 ]; then
    if [ "$1" = rabbitmq-server ]; then
      find /var/lib/rabbitmq \! -user rabbitmq -exec chown rabbitmq:rabbitmq '{}' +
    fi
    exec gosu rabbitmq "$0" "$@"
  fi
  # Debian's wrapper takes no notice of SIGTERM, so that a stop becomes a kill, and writes the log into a file.
  if [ "$1" = rabbitmq-server ]; then
    shift
    set -- /usr/lib/rabbitmq/bin/rabbitmq-server "$@"
  fi
esac
exec "$@"
