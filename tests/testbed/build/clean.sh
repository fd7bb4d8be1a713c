# shellcheck shell=bash
# Removes images and assets that nothing names any more. Named are those of this checkout, with the settings of the
# caller and of each scenario, and those of the projects that stand (other checkouts' too).

# settings: the TESTBED_* lines of each scenario, one scenario a line.
settings() {
  local file
  echo
  for file in "$here"/../../molecule/*/molecule.yml; do
    sed -nE 's/^ +(TESTBED_[A-Z_]+): *"?([^"${} ]+)"?$/\1=\2/p' "$file" | xargs
  done | sort -u
}

# names: what this checkout builds with the caller's settings, one a line.
names() { printf '%s\n' "$(base_reference "$TESTBED_SUITE")" "$rabbitmq_base" "${image[@]}" "${asset[@]}"; }

# named: what is to stay, one a line.
named() {
  local line
  while read -r line; do
    # shellcheck disable=SC2086  # words
    env $line "$here/build.sh" names
  done < <(settings)
  find "$TESTBED_CACHE" -path '*/projects/*/images.json' -exec grep -oh "$repository/[^\"]*" {} +
}

clean() {
  local kept reference path
  kept=$(named)
  engine
  for reference in $(docker image ls --format '{{ .Repository }}:{{ .Tag }}' "$repository/*"); do
    grep -qxF -- "$reference" <<<"$kept" && continue
    if [ -n "$(docker ps --all --quiet --filter "ancestor=$reference")" ]; then say "$reference stays: a container runs on it"; continue; fi
    docker image rm "$reference" >/dev/null
    say "$reference is removed"
  done
  for path in "$assets"/*; do
    grep -qxF -- "${path##*/}" <<<"$kept" && continue
    rm -r "$path"
    say "${path##*/} is removed"
  done
}
