#!/usr/bin/env bash
# One run on one machine with N processes, each with its share of the GPUs; they share the cores.
#
#   launch/local.sh 4 --config=configs/muq.py --workdir=runs/muq
#
# One process uses every GPU it sees, so N > 1 pays where the decoding of audio is the limit, or
# where several banks are to be trained at once. Interrupt it and start it again: it continues.
set -euo pipefail

if [[ $# -lt 2 || ! $1 =~ ^[1-9][0-9]*$ ]]; then
  sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
processes=$1
shift

port=${PORT:-$((20000 + RANDOM % 20000))}
gpus=()
if [[ -n ${CUDA_VISIBLE_DEVICES+set} ]]; then # What the user may use of them.
  IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
elif command -v nvidia-smi >/dev/null; then
  mapfile -t gpus < <(nvidia-smi --query-gpu=index --format=csv,noheader)
fi
if ((${#gpus[@]} && processes > ${#gpus[@]})); then
  echo "$processes processes for ${#gpus[@]} GPUs: some would have none. Start ${#gpus[@]} at most." >&2
  exit 2
fi

# Every process runs in this group: the group ends together, whoever is interrupted or fails.
pids=()
trap 'trap - INT TERM; kill "${pids[@]}" 2>/dev/null || true' INT TERM
for ((k = 0; k < processes; k++)); do
  mine=()
  for ((g = k; g < ${#gpus[@]}; g += processes)); do mine+=("${gpus[g]}"); done
  visible=()
  if ((${#gpus[@]})); then visible=("CUDA_VISIBLE_DEVICES=$(IFS=,; echo "${mine[*]}")"); fi
  command=(env "${visible[@]}" "${PYTHON:-python}" -m jaxprobe.launch
    "--coordinator=localhost:$port" "--processes=$processes" "--process=$k" "$@")
  if [[ ${DRY_RUN:-} ]]; then
    echo "${command[@]}"
  elif ((k == 0)); then
    "${command[@]}" &
    pids+=($!)
  else # The first one speaks for all; errors of the others are kept.
    "${command[@]}" >/dev/null &
    pids+=($!)
  fi
done

for ((left = ${#pids[@]}; left > 0; left--)); do
  status=0
  wait -n || status=$? # Whichever ends first: without it the others would wait for ever.
  if ((status)); then
    kill "${pids[@]}" 2>/dev/null || true
    wait || true
    exit "$status"
  fi
done
