"""The same sweep, end to end, by peers' own code and by ours; `python -m benchmarks.peers -h`.

Nothing of a peer lies here: a checkout is copied to the scratch folder and run as its scripts run
it, with settings and, where its loaders name their data sets, data laid out as they ask for.
"""
