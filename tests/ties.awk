# Makes the parsed text of two traces of Go 1.21 or before comparable.
#
# Where two Ps wrote events at one time, Go's reader leaves their order to chance, and makes
# the times differ by a nanosecond each. This prints an event a line, without its time but
# with the first time of such a run, so that sorting the lines leaves nothing to chance.

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
