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
    starts=0
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
  on_all "cd jaxprobe && rm -f ~/run.status && { nohup bash -c '~/venv/bin/python -m \
jaxprobe.launch --processes=auto \"\$@\"; echo \$? >~/run.status' run $arguments \
</dev/null >~/run.log 2>&1 & echo \$! >~/run.pid; }"
}

# Of the first process, which speaks for all: its exit status, 'running', 'none', or 'unreachable'.
told() {
  # The worker's shell expands it, not ours.
  # shellcheck disable=SC2016
  tpu tpu-vm ssh "$NAME" --worker=0 --command='if [[ -s ~/run.status ]]; then cat ~/run.status
    elif kill -0 "$(cat ~/run.pid)" 2>/dev/null; then echo running; else echo none; fi' \
    2>/dev/null || echo unreachable
}
tail_() { tpu tpu-vm ssh "$NAME" --worker=0 --command="tail -n $1 ~/run.log" || true; }
failed() {
  tail_ 40
  echo "the run on $NAME ended with an error (all of ~/run.log: ssh to worker 0); mend it and start this again" >&2
  exit 1
}

if [[ ${DRY_RUN:-} ]]; then
  ask && set_up && go "$@"
  exit
fi
starts=0 # Since the pod is there.
while true; do
  ready
  case $(told) in
    0)
      tail_ 40
      echo "finished; give the pod back with: gcloud compute tpus queued-resources delete $queue --zone=$ZONE --force" >&2
      exit
      ;;
    1) failed ;; # An error of the run's own: it would come again.
    running | unreachable) tail_ 1 ;;
    *) # A new pod, or processes that were ended from outside.
      ((starts < 3)) || failed
      starts=$((starts + 1))
      set_up && go "$@"
      ;;
  esac
  sleep 60
done
