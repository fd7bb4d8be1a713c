#!/bin/sh
# Lays a whole Galaxy out in the shape of a clone, from the packages of /lock.txt: its own code in lib/, everything else in .venv.
set -eu
server=/srv/galaxy/server
# On Rocky and Alma 9 the system's own Python is too old for Galaxy, on Debian's unstable suite too new.
"$(command -v python3.11 || command -v python3.13 || command -v python3)" -m venv "$server/.venv"
"$server/.venv/bin/pip" install --no-compile --no-index --find-links /wheels --no-deps --requirement /lock.txt
site=$(echo "$server"/.venv/lib/python3*/site-packages)
mkdir -p "$server/lib" "$server/config" "$server/scripts" "$server/tool-data"
mv "$site/galaxy" "$server/lib/"
for info in "$site"/galaxy_*.dist-info; do
  case $info in */galaxy_sequence_utils-*) ;; *) mv "$info" "$server/lib/" ;; esac
done
# What Galaxy looks for to tell a clone from installed packages, and gravity for the versions and the job handler.
printf '#!/bin/sh\n' > "$server/run.sh"
printf '#!/bin/sh\n' > "$server/scripts/common_startup.sh"
chmod +x "$server/run.sh"
cp "$(dirname "$0")/galaxy-main" "$server/scripts/"
cp "$server/lib/galaxy/dependencies/pinned-requirements.txt" "$server/requirements.txt"
# Data of a test may be code that no Python of today compiles.
"$server/.venv/bin/python" -m compileall -q -j 0 -x '/tests/data/' "$server/lib" "$server/.venv/lib"
# The built client, which releases before 25.0 have not published.
if [ -d "$server/lib/galaxy/web_client" ]; then
  PYTHONPATH=$server/lib "$server/.venv/bin/python" -m galaxy.web_client.install --mode copy "$server/static"
fi
