"""The published algorithm written out plainly, in double precision: Krebs et al., ISMIR 2015.

One sequence, every state and every transition, full back pointers: slow, and nothing else.
"""

import numpy as np


def beats(activation, fps, min_bpm=55.0, max_bpm=215.0, change=100.0, share=16):
    """Beat times in seconds."""
    intervals = np.arange(round(60 * fps / max_bpm), round(60 * fps / min_bpm) + 1)
    states = [(n, p) for n in intervals for p in range(n)]
    number = {state: i for i, state in enumerate(states)}
    ends = [number[n, n - 1] for n in intervals]
    before = {}  # Per state that begins a period: (predecessors, their log probabilities).
    for n in intervals:
        weights = []
        for own in intervals:
            row = np.exp(-change * np.abs(intervals / own - 1))
            row[row <= np.spacing(1)] = 0
            weights.append(np.exp(-change * abs(n / own - 1)) / row.sum())
        weights = np.array(weights)
        able = weights > np.spacing(1) * 1e-3
        before[number[n, 0]] = np.array(ends)[able], np.log(weights[able])
    in_beat = np.array([p / n < 1 / share for n, p in states])
    activation = np.asarray(activation, np.float64)
    score = np.zeros(len(states))
    origins = np.zeros((len(activation), len(states)), int)
    for t, a in enumerate(activation):
        origins[t] = np.arange(len(states)) - 1  # Elsewhere the pointer moves on by one.
        new = np.roll(score, 1)
        for s, (froms, logs) in before.items():
            ways = score[froms] + logs
            origins[t, s] = froms[np.argmax(ways)]
            new[s] = ways.max()
        rest = np.log(max((1 - a) / (share - 1), 1e-12))
        score = new + np.where(in_beat, np.log(max(a, 1e-12)), rest)
    path = [int(np.argmax(score))]
    for t in range(len(activation) - 1, 0, -1):
        path.append(origins[t, path[-1]])
    flags = in_beat[path[::-1]]
    found, t = [], 0
    while t < len(flags):
        if not flags[t]:
            t += 1
            continue
        end = t
        while end < len(flags) and flags[end]:
            end += 1
        found.append((t + int(np.argmax(activation[t:end]))) / fps)
        t = end
    return np.array(found)
