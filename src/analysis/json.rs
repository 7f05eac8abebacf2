//! The JSON that the example programs print with `--json`.
//!
//! Each prints one object. Its `schema` is 1: within a schema fields are added, never changed or taken away. Times are
//! nanoseconds on the trace's clock, fields that end in `_ns` durations in nanoseconds; what an input does not tell is
//! `null`. `error` says why the input could not be read to its end, with the rest being of what came before; programs
//! without that field print nothing but the error then, on standard error. Where a field is a **spread** it is a
//! [`Histogram`](super::Histogram) as that serialises. A **stack** is an array of `func`, `file` and `line`, innermost first.
//!
//! # `summary`
//!
//! | field | |
//! |---|---|
//! | `header` | the version in the trace's header, such as `go 1.26` |
//! | `bytes`, `generations`, `batches`, `events`, `events_by_kind` | what was read; kinds are those of [`EventKind::name`](crate::EventKind::name) |
//! | `goroutines`, `procs`, `threads` | how many different ones are mentioned |
//! | `duration_ns`, `wall_start` | from the first event to the last; when that first was, in RFC 3339 |
//! | `gomaxprocs`, `heap_max_bytes` | the last value; the greatest |
//! | `gc_cycles`, `stop_the_worlds`, `stop_the_world_ns` | collections begun, pauses for any reason, and their length in all |
//! | `tasks`, `regions`, `logs`, `cpu_samples` | how many |
//! | `warnings` | annotations that the program got wrong, and an end that is not proved |
//! | `misused[]` | the first of those annotations: `warning`, its text, and `stack`, a stack |
//! | `error` | |
//!
//! # `doctor`
//!
//! | field | |
//! |---|---|
//! | `status` | `whole`, `damaged` or `unreadable` |
//! | `header`, `bytes` | the version in the header; the length of the file |
//! | `generations[]` | `gen`, `offset`, `bytes`, `batches`, `events`, `threads`, `start`, `end`, `ok`, `error`, `read`: what stands in the file, `null` where that can't be told; `read` are the events that could be read, and `start` and `end` are theirs |
//! | `read`, `lost` | `bytes`, `batches`, `generations`, `events` |
//! | `trailing` | bytes behind the trace's end |
//! | `warnings`, `warning_count` | what is wrong or doubtful: the first thousand, and how many |
//! | `cause` | what has probably happened to the file |
//! | `repaired[]` | with `--repair`: `file`, `bytes`, `generations`, `replaces` (a file that was there) and `left_out` |
//! | `repaired[].left_out` | `region_ends`, `task_begins`: how many events it lacks because Go's tools refuse a trace for their misuse |
//!
//! # `goroutine`
//!
//! | field | |
//! |---|---|
//! | `id`, `name`, `start_stack` | the goroutine, the function that it runs, and its first stack |
//! | `created_at`, `created_by`, `creation_stack`, `children`, `ended_at` | its life; see [`Goroutine`](crate::timeline::Goroutine) |
//! | `totals` | an object: nanoseconds by state, those of waiting as `Waiting: reason` |
//! | `spans[]` | `start`, `end`, `state`, `reason`, `stack`, `proc`, `thread`, `woken_by`, `woken_by_stack`, `open` |
//! | `spans[].woken_by` | the number of a goroutine, the name of a part of the runtime, or `null` |
//!
//! # `blocking`
//!
//! | field | |
//! |---|---|
//! | `total_ns` | of all waits that were asked for |
//! | `by_reason[]` | `reason`, `count`, `total_ns`, `max_ns`, those with the most time first |
//! | `waits[]` | `goroutine`, `reason`, `start`, `end`, `open`, `stack`, `woken_by`, `woken_by_stack` |
//!
//! # `goroutines`
//!
//! | field | |
//! |---|---|
//! | `groups` | the groups, those with the most execution time first, or as `--sort` says |
//! | `groups[].name` | the function, creator or label; empty if the trace does not tell |
//! | `groups[].goroutines`, `.ended` | how many, and how many of them ended |
//! | `groups[].columns` | an object: the columns of `go tool trace` that have a value, by name, each a spread over all goroutines of the group |
//! | `groups[].ranges` | the same of special ranges |
//! | `goroutines` | with `--group`: its goroutines, by `Total` or `--sort` |
//! | `goroutines[].id`, `.creation`, `.start`, `.end` | the goroutine, when it was created, first ran and ended |
//! | `goroutines[].columns_ns`, `.ranges_ns` | objects: its columns and ranges by name |
