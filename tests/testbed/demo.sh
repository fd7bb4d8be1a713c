#!/usr/bin/env bash
# The demo: containers, what a site has already, the stack, the proof, and where to look.
#   demo.sh up | verify | browser | down
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export TESTBED_PROJECT=${TESTBED_PROJECT:-galaxy-celery-demo}
# Mitogen needs a fifth of the time for a task (README.md); the scenario `plain` does without it.
export ANSIBLE_STRATEGY=mitogen_sudo ANSIBLE_STRATEGY_PLUGINS=$PWD/tests/testbed/strategy
report=$TESTBED_CACHE/projects/$TESTBED_PROJECT/proved.json
# Not in the project's folder, which goes with the project.
logs=$TESTBED_CACHE/logs/$TESTBED_PROJECT
mkdir -p "$logs"
changed=0

# play TITLE PLAYBOOK [OPTION...]: one line of progress a task, the whole output in a log, the number of changes added up.
play() {
  local log start=$SECONDS count
  log=$logs/$(basename "$2" .yml).log
  printf '\n== %s\n' "$1"
  if ! ansible-playbook -i inventories/demo "${@:2}" 2>&1 | tee "$log" | grep --line-buffered -E '^(PLAY|TASK|RUNNING HANDLER|fatal|failed)'; then
    tail -n 40 "$log" >&2
    echo "error: $1 failed; the whole output is in $log" >&2
    exit 1
  fi
  count=$(awk 'match($0, / changed=[0-9]+/) { sum += substr($0, RSTART + 9, RLENGTH - 9) } END { print sum + 0 }' "$log")
  changed=$((changed + $count))
  printf '== %s: %s changes, %s s\n' "$1" "$count" $((SECONDS - start))
}

case ${1:-} in
  up)
    play "Containers" tests/testbed/create.yml
    play "What a site has already" tests/testbed/prepare.yml
    play "The stack (playbooks/site.yml)" playbooks/site.yml
    stack_changes=$changed
    play "The proof (playbooks/verify.yml)" playbooks/verify.yml -e "verify_report_path=$report"
    if [ "$stack_changes" -eq 0 ]; then
      printf '\nThe demo was up already: nothing was changed.\n'
    fi
    ansible-playbook -i inventories/demo tests/testbed/show.yml -e "verify_report_path=$report" >"$logs/show.log" ||
      { cat "$logs/show.log" >&2; exit 1; }
    cat "$TESTBED_CACHE/projects/$TESTBED_PROJECT/where-to-look.txt" ;;
  verify) play "The proof (playbooks/verify.yml)" playbooks/verify.yml ;;
  browser) play "Galaxy in a browser" tests/testbed/browser.yml ;;
  down)
    docker info >/dev/null 2>&1 || { echo "No Docker engine answers, so no demo runs."; exit 0; }
    play "Removal" tests/testbed/destroy.yml ;;
  *) echo "error: unknown command '${1:-}': up, verify, browser or down" >&2; exit 2 ;;
esac
