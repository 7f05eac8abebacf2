#!/usr/bin/env python3
"""Analyses fifty series with SciPy and pymannkendall, and prints the results as JSON.

usage: testdata/trend/oracle.py >testdata/trend/oracle.json

It needs SciPy and pymannkendall (pip install scipy pymannkendall). oracle.json names the versions that produced it.
A series depends only on its number. The series are live heaps in bytes at times in nanoseconds: ramps, sawtooths,
plateaus, random walks, ties and stairs. Some values are whole MiB, as in GC logs, others have smaller noise.

Which of two equally high peaks SciPy keeps depends on NumPy's unstable sort, and therefore on the machine. A series
is generated again until the result does not depend on it.
"""

import importlib.metadata
import json
import math

import numpy as np
import pymannkendall
import scipy
from scipy.signal import find_peaks
from scipy.stats import theilslopes

MIB = 1 << 20
# Window of the moving average, and distance and prominence of peaks. The first are the defaults.
SETTINGS = [(5, 20, 2 * MIB), (1, 1, 0), (3, 7, MIB), (9, 2, 4 * MIB)]


class Unsettled(Exception):
    """The result depends on the machine."""


def series(number, attempt):
    rng = np.random.default_rng([20261125, number, attempt])
    n = int(rng.integers(12, 180))
    i = np.arange(n)
    kind = number % 8
    noise = rng.normal(0, 3 * MIB, n)
    y = 60 * MIB + [
        i * 0.4 * MIB + noise,
        (i % 23) * 2.0 * MIB + noise,
        50 * MIB * (1 - np.exp(-i / 12)) + noise,
        np.cumsum(rng.normal(0, 2 * MIB, n)),
        rng.integers(0, 4, n) * MIB,
        (i // 9) * 3.0 * MIB + rng.integers(0, 2, n) * MIB,
        noise,
        20 * MIB * np.sin(i / 6.0) - i * 0.1 * MIB + noise / 4,
    ][kind]
    if number % 3 != 2:
        y = np.floor(y / MIB) * MIB
    elif number % 2:
        y = np.round(y)
    steps = rng.integers(1, 400, n) * 1_000_000
    if number % 5 == 4:
        # GC cycles in the same millisecond.
        steps[rng.random(n) < 0.3] = 0
    return np.cumsum(steps).astype(float), y


def smooth(y, window):
    # Dividing exact sums makes means of equal sums equal, unlike adding weighted values.
    return np.array([math.fsum(y[at : at + window]) / window for at in range(len(y) - window + 1)])


def is_settled(x, peaks, distance):
    """Whether SciPy's result is that of a stable sort, which decides between equally high peaks."""
    keep = np.ones(len(peaks), bool)
    for this in np.argsort(x[peaks], kind="stable")[::-1]:
        if keep[this]:
            close = np.abs(peaks - peaks[this]) < math.ceil(distance)
            close[this] = False
            keep &= ~close
    return np.array_equal(peaks[keep], find_peaks(x, distance=distance)[0])


def turns(x, distance, prominence):
    if not is_settled(x, find_peaks(x)[0], distance):
        raise Unsettled
    peaks, found = find_peaks(x, distance=distance, prominence=prominence)
    return {"index": peaks.tolist(), "prominence": found["prominences"].tolist()}


def results(number):
    for attempt in range(1000):
        try:
            return results_of(*series(number, attempt))
        except Unsettled:
            pass
    raise SystemExit(f"series {number} always depends on the machine")


def results_of(at, y):
    peaks = []
    for window, distance, prominence in SETTINGS:
        x = smooth(y, window)
        up, down = turns(x, distance, prominence), turns(-x, distance, prominence)
        setting = {"window": window, "distance": distance, "prominence": prominence}
        peaks.append(setting | {"peaks": up, "valleys": down})
    line = theilslopes(y, at, alpha=0.95, method="separate")
    test = pymannkendall.original_test(y)
    return {
        "at": [int(value) for value in at],
        "values": [int(value) if value == int(value) else value for value in y],
        "theil_sen": [line.slope, line.intercept, line.low_slope, line.high_slope],
        "mann_kendall": {
            "s": int(test.s),
            "variance": float(test.var_s),
            "z": float(test.z),
            "p": float(test.p),
            "tau": float(test.Tau),
        },
        "inflections": peaks,
    }


def main():
    versions = {
        "scipy": scipy.__version__,
        "numpy": np.__version__,
        "pymannkendall": importlib.metadata.version("pymannkendall"),
    }
    print('{"by": ' + json.dumps(versions) + ',\n"series": [')
    print(",\n".join(json.dumps(results(number), separators=(",", ":")) for number in range(50)))
    print("]}")


main()
