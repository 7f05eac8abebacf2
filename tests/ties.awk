# Makes the parsed text of v1 traces (before Go 1.22) comparable.
#
# If several Ps wrote events at the same time, the order in which Go's reader takes them depends on
# the order in which it iterates over a map of the Ps, in some traces. It makes each a nanosecond
# later than the one before. This prints each event on a line with the first
# time of such a run instead of its own time, so that the sorted lines are deterministic.

function flush() {
  if (event != "") printf "%09d %.0f %s\n", run, first, event
}

/^M=/ {
  flush()
  match($0, / Time=-?[0-9]+/)
  time = substr($0, RSTART + 6, RLENGTH - 6) + 0
  if (run == 0 || time != first + length_of_run) {
    run++
    first = time
    length_of_run = 0
  }
  length_of_run++
  event = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
  next
}

{ event = event " " $0 }

END { flush() }
