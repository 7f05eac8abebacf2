// The states of a lane, and the families of reasons to wait. Each has its colour and a shape, so
// that nothing is told by colour alone.

/** Names of the states, by their number in an answer of /api/lanes. */
export const STATES = ["", "runnable", "running", "waiting", "syscall", "gc"];

/** State numbers that the code names. */
export const RUNNABLE = 1;
export const RUNNING = 2;
export const WAITING = 3;
export const SYSCALL = 4;
export const GC_WORK = 5;

/** Flags of a run of cells. */
export const HIDES_SPANS = 1;
export const HAS_PAUSE = 2;
export const LONG_SYSCALL = 4;

/** How a state is named in texts. */
export const STATE_WORDS = [
  "not alive",
  "runnable",
  "running",
  "waiting",
  "system call",
  "GC work",
];

/** Families of reasons, each with its own shade: channels, locks, network, timers, GC, other. */
export const FAMILIES = ["channels", "locks", "network", "timers", "GC", "other"];

/**
 * Family of a reason, as an index into FAMILIES.
 * @param {string} reason
 */
export function familyOf(reason) {
  if (/chan|select/.test(reason)) return 0;
  if (/sync|mutex|wait ?group|cond|semacquire|lock/i.test(reason)) return 1;
  if (/network|netpoll|IO wait/i.test(reason)) return 2;
  if (/sleep|timer/i.test(reason)) return 3;
  if (/GC|mark|sweep|scaveng/.test(reason)) return 4;
  return 5;
}

/**
 * Number of the state that a span has.
 * @param {string} state
 */
export function stateNumber(state) {
  const text = state.toLowerCase();
  if (text.startsWith("run") && text !== "runnable") return RUNNING;
  if (text === "runnable") return RUNNABLE;
  if (text.startsWith("wait")) return WAITING;
  if (text.startsWith("sys")) return SYSCALL;
  if (text.startsWith("gc")) return GC_WORK;
  return 0;
}
