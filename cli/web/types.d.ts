// What the server answers, and the types that several modules share. Never shipped: only `tsc`
// reads it. Times are nanoseconds of the trace's clock unless a name says otherwise.

interface Session {
  phase: "loading" | "failed" | "ready";
  /** While loading. */
  bytes?: number;
  total?: number | null;
  step?: string;
  /** When loading failed. */
  error?: string;
  title?: string;
  files?: { path: string; kind: string; size: number }[];
  trace?: Trace | null;
  leak?: boolean;
  profiles?: { id: number; name: string; types: string[]; default: string }[];
  /** Of a report: sentences about what is not in it, and the command that shows it. */
  left_out?: string[];
  command?: string;
}

interface Trace {
  version: string;
  start_ns: number;
  end_ns: number;
  wall_start_ns: number | null;
  gomaxprocs: number | null;
  procs: number[];
  threads: number[];
  goroutine_count: number;
  span_count: number;
  groups: Group[];
  reasons: string[];
  gaps_ns: number[];
  task_count: number;
  region_count: number;
  log_count: number;
  gc_cycle_count: number;
  pause_count: number;
  warnings: string[];
}

interface Group {
  id: number;
  name: string;
  count: number;
  alive_at_end: number;
  running_ns: number;
  runnable_ns: number;
  waiting_ns: number;
  syscall_ns: number;
  runtime: boolean;
}

interface Frame {
  function: string;
  file: string;
  line: number;
}

interface Span {
  goroutine: number;
  function: string;
  state: string;
  reason: string | null;
  start_ns: number;
  end_ns: number;
  open: boolean;
  proc: number | null;
  thread: number | null;
  stack: Frame[];
  woken_by: { goroutine: number | null; runtime: string | null; stack: Frame[] } | null;
  /** When the waker woke it. */
  woken_ns: number | null;
  /** The function of the waking goroutine. */
  waker_function: string | null;
}

/** The time of goroutines in each state. */
interface Totals {
  running_ns: number;
  runnable_ns: number;
  waiting_ns: number;
  syscall_ns: number;
  waiting: Reason[];
}

interface SpanAnswer {
  span: Span | null;
  previous: Span | null;
  next: Span | null;
  woke: { goroutine: number; function: string; at_ns: number }[];
  woke_count: number;
  chain: Span[];
}

interface GroupRow {
  goroutine: number;
  created_ns: number | null;
  ended_ns: number | null;
  created_by: number | null;
  totals: Totals;
}

interface GroupAnswer {
  id: number;
  name: string;
  count: number;
  rows: GroupRow[];
}

interface Reason {
  reason: string;
  count: number;
  total_ns: number;
}

interface GoroutineAnswer {
  goroutine: number;
  group: number | null;
  function: string;
  created_ns: number | null;
  ended_ns: number | null;
  created_by: number | null;
  creation_stack: Frame[];
  totals: Totals;
  labels: unknown[];
  children: number;
  first_children: number[];
  regions: { name: string; start_ns: number | null; end_ns: number | null }[];
  logs: { category?: string; message: string; at_ns: number }[];
  longest_waits: Span[];
}

interface Interval {
  row: number;
  start_ns: number;
  end_ns: number;
  name: string;
  id: number | null;
  goroutine: number | null;
  message: string | null;
  count: number;
}

interface IntervalsAnswer {
  rows: number;
  total: number;
  intervals: Interval[];
}

interface Series {
  unit: string;
  min: (number | null)[];
  max: (number | null)[];
  mean: (number | null)[];
}

interface SeriesAnswer {
  shift: number;
  start_ns: number;
  cells: number;
  series: Record<string, Series>;
}

interface Cycle {
  seq: number;
  start_ns: number;
  end_ns: number;
  heap_start: number | null;
  heap_live: number | null;
  goal: number | null;
}

interface MarksAnswer {
  cycles: Cycle[];
  pauses: { start_ns: number; end_ns: number; reason: string; count: number }[];
  gaps_ns: number[];
}

interface ProfileAnswer {
  unit: string;
  total: number;
  count: number;
  frames: string[];
  nodes: { parent: number[]; frame: number[]; self: number[]; total: number[] };
  reasons?: Reason[] | null;
  table: { frame: number; self: number; total: number }[];
  windows?: {
    start_ns: number;
    width_ns: number;
    count: number;
    frames: Record<string, number[]>;
  } | null;
  graph?: {
    nodes: { name: string; flat: number; cum: number }[];
    edges: { from: number; to: number; value: number }[];
  } | null;
}

interface Hit {
  kind: string;
  text: string;
  goroutine: number | null;
  group: number | null;
  start_ns: number | null;
  end_ns: number | null;
}

interface FindAnswer {
  hits: Hit[];
  total: number;
}

/** Runs of equal cells of a goroutine, P, thread or the GC. */
interface RunLane {
  form: 0;
  name: string;
  first: Uint32Array;
  length: Uint32Array;
  state: Uint8Array;
  share: Uint8Array;
  flags: Uint8Array;
  what: BigUint64Array;
}

/** Mean number of goroutines in each state, a value a cell. */
interface GroupLane {
  form: 1;
  name: string;
  runnable: Float32Array;
  running: Float32Array;
  waiting: Float32Array;
  syscall: Float32Array;
  gc: Float32Array;
}

interface LanesAnswer {
  shift: number;
  start_ns: number;
  cells: number;
  lanes: (RunLane | GroupLane)[];
}

type Parameters_ = Record<string, string | number | undefined>;

/** Where the page's data comes from: the local server, or the data embedded in a report. */
interface Provider {
  /** True in a report: only what is embedded can be shown. */
  embedded: boolean;
  session(): Promise<Session>;
  lanes(start: number, end: number, pixels: number, names: string[]): Promise<LanesAnswer>;
  json(path: string, parameters?: Parameters_): Promise<any>;
}

/** What the fragment of the address says. */
interface Place {
  page: string;
  start: number | null;
  end: number | null;
  range: [number, number] | null;
  select: string | null;
  open: number[];
  sort: string;
  tab: string;
  of: string;
  id: number | null;
  type: string | null;
  find: string;
}

/** A span, range or thing of the timeline that is selected. */
interface Selected {
  /** As in requests: "goroutine:5", "proc:0"; or "task:3", the row of a task. */
  lane: string;
  at: number;
}

/** A constructor of typed arrays. */
interface ArrayKind<T> {
  new (buffer: ArrayBuffer, offset: number, length: number): T;
  BYTES_PER_ELEMENT: number;
}

/** Quantiles of durations. */
interface Distribution {
  count: number;
  min_ns: number;
  p50_ns: number;
  p90_ns: number;
  p99_ns: number;
  max_ns: number;
}

/** What a report holds instead of a server. */
interface Embedded {
  session: Session;
  /** The command that shows what is not in the report. */
  command: string;
  /** Sentences about what is not in the report. */
  left_out: string[];
  /** Answers of the API by path and ID. */
  documents: Record<string, any>;
  /** An answer of /api/lanes over the whole trace, in base64. */
  lanes: string | null;
  lane_names: string[];
  series: SeriesAnswer;
}

/** A search and its hits. */
interface Search {
  text: string;
  hits: Hit[];
  total: number;
  /** The hit that is shown, or -1. */
  index: number;
  loading: boolean;
  listeners: (() => void)[];
}

/** A row of the timeline. */
interface Row {
  /** Unique among the rows. */
  key: string;
  kind: "section" | "gc" | "runs" | "group" | "intervals" | "more" | "note";
  /** What to ask /api/lanes for, or the kind of intervals. */
  lane: string | null;
  label: string;
  detail: string;
  y: number;
  height: number;
  depth: number;
  group: Group | null;
  goroutine: number | null;
  /** Whether it is open; null if it cannot be opened. */
  open: boolean | null;
}

/** What the parts of the page share. */
interface App {
  provider: Provider;
  session: Session;
  /** The trace; parts that need one are only made if there is one. */
  trace: Trace;
  groups: Map<number, Group>;
  view: import("./range.js").View;
  names: import("./names.js").Names;
  selection: import("./selection.js").Selection;
  /** Tells readers of the screen what happened. */
  announce(text: string): void;
  /** Scrolls the timeline to a row. */
  showRow(key: string): void;
  /** Shows an error until the next one. */
  complain(error: unknown): void;
}
