#!/bin/sh
# Lays Galaxy's published packages out in the shape of a clone: its own code in lib/, everything else in .venv.
set -eu
server=/srv/galaxy/server
# On Rocky and Alma 9 the system's own Python is too old for Galaxy.
"$(command -v python3.11 || command -v python3)" -m venv "$server/.venv"
"$server/.venv/bin/pip" install --no-index --find-links /wheels "galaxy-app==$1" psycopg2-binary
site=$(echo "$server"/.venv/lib/python3*/site-packages)
mkdir -p "$server/lib" "$server/config" "$server/scripts" "$server/tool-data"
mv "$site/galaxy" "$server/lib/"
for info in "$site"/galaxy_*.dist-info; do
  case $info in */galaxy_sequence_utils-*) ;; *) mv "$info" "$server/lib/" ;; esac
done
# What Galaxy looks for to tell a clone from installed packages.
printf '#!/bin/sh\n' > "$server/run.sh"
printf '#!/bin/sh\n' > "$server/scripts/common_startup.sh"
chmod +x "$server/run.sh"
PYTHONPATH=$server/lib "$server/.venv/bin/python" -m compileall -q "$server/lib"
