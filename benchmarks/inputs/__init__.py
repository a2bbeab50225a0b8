"""Bad audio and bad tables through `prepare` and `extract`: a defined outcome for each, or a fault.

    python -m benchmarks.inputs                     all cases, 4 minutes on two cores
    python -m benchmarks.inputs --seed=7 --count=2000
    python -m benchmarks.inputs --only=audio        or --only=manifest
    python -m benchmarks.inputs --case=ID           one of them alone, with what it did

A case writes a file (audio, a table with its sidecars, MARBLE v2's lists) and says what must come
of it. It may be accepted, and then samples, labels, paths, times and embeddings must be those that
were written, by a reckoning that shares no code with the package (numpy on what was written, the
tables as they were made up); or it may be refused with an error of ours that names the file. A
traceback of another library, a dead process, 10 s without an end, memory that grows by more than
400 MiB, a wrong sample or label, good input that is refused and bad input that is accepted are
violations; each is printed with the command that repeats it alone.

The systematic cases are the same for every seed; `--count` beyond their number adds random damage
to whole files, drawn from the seed. Cases run in a child process that a parent watches: one that
dies or hangs costs its own case, is told, and the rest go on in a new child. Audio cases are
decoded one by one, then extracted together with on_error='quarantine' (each must be recorded with
its reason, the rest encoded), and a part of them once more with 'stop', which must name them.
"""
