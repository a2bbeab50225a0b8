#!/usr/bin/env bash
# A run on a Cloud TPU pod: asks for it, copies the last commit to every worker, runs.
#
#   NAME=probe ZONE=us-west4-a TYPE=v5litepod-16 launch/tpu_pod.sh \
#       --config=configs/muq.py --workdir=/mnt/shared/runs/muq
#
# The run goes on in the background of the workers: this terminal may close. Start the script again
# to see how it goes; after a preemption it asks for a new pod, and the run continues where it was.
# --workdir, the stores and the data must lie on a disk that all workers mount (Filestore, or a
# bucket by gcsfuse). DRY_RUN=1 prints the commands instead.
set -euo pipefail

if [[ $# -eq 0 || -z ${NAME:-} || -z ${ZONE:-} || -z ${TYPE:-} ]]; then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
runtime=${RUNTIME:-v2-alpha-tpuv5-lite}
queue="$NAME-queue"
here=$(cd "$(dirname "$0")/.." && pwd)

do_() {
  if [[ ${DRY_RUN:-} ]]; then printf '%q ' "$@" && echo; else "$@"; fi
}
tpu() { gcloud compute tpus "$@" --zone="$ZONE"; }
state() { tpu queued-resources describe "$queue" --format='value(state.state)' 2>/dev/null || true; }
on_all() { do_ gcloud compute tpus tpu-vm ssh "$NAME" --zone="$ZONE" --worker=all --command="$1"; }

ask() {
  do_ gcloud compute tpus queued-resources create "$queue" --zone="$ZONE" --node-id="$NAME" \
    --accelerator-type="$TYPE" --runtime-version="$runtime" --spot
}
drop() { do_ gcloud compute tpus queued-resources delete "$queue" --zone="$ZONE" --force --quiet; }

ready() { # Returns once the pod is there; a spot pod that was taken away is asked for again.
  local now
  while true; do
    now=$(state)
    case $now in
      ACTIVE) return ;;
      '') ask ;;
      SUSPENDED | SUSPENDING | FAILED) drop && ask ;;
    esac
    echo "pod $NAME: ${now:-asked for}; looking again in a minute" >&2
    sleep 60
  done
}

set_up() { # What is committed; environments and runs of this machine stay here.
  local archive
  archive=$(mktemp -d)/jaxprobe.tar.gz
  git -C "$here" archive --format=tar.gz --output="$archive" HEAD
  do_ gcloud compute tpus tpu-vm scp "$archive" "$NAME:" --zone="$ZONE" --worker=all
  on_all 'mkdir -p jaxprobe && tar -xzf jaxprobe.tar.gz -C jaxprobe && python3 -m venv ~/venv && ~/venv/bin/pip install -q -c jaxprobe/constraints.txt -e jaxprobe "jax[tpu]"'
}

go() { # nohup, since a lost connection ends what ssh started.
  local arguments
  printf -v arguments '%q ' "$@"
  on_all "cd jaxprobe && nohup ~/venv/bin/python -m jaxprobe.launch --processes=auto $arguments \
</dev/null >~/run.log 2>&1 & echo \$! > ~/run.pid"
}

# The workers' shells expand it, not ours.
# shellcheck disable=SC2016
alive() { on_all 'kill -0 "$(cat ~/run.pid)"' >/dev/null 2>&1; }

if [[ ${DRY_RUN:-} ]]; then
  ask && set_up && go "$@"
  exit
fi
while true; do
  ready
  if ! alive; then
    if on_all 'grep -q "^report:" ~/run.log' >/dev/null 2>&1; then
      tpu tpu-vm ssh "$NAME" --worker=0 --command='tail -n 40 ~/run.log'
      echo "finished; give the pod back with: gcloud compute tpus queued-resources delete $queue --zone=$ZONE --force" >&2
      exit
    fi
    set_up && go "$@"
  fi
  sleep 60
  tpu tpu-vm ssh "$NAME" --worker=0 --command='tail -n 1 ~/run.log' || true
done
