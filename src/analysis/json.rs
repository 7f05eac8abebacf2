//! The JSON that the example programs print with `--json`.
//!
//! Each prints one object. Its `schema` is 1: within a schema fields are added, never changed or taken away. Times are
//! nanoseconds on the trace's clock, fields that end in `_ns` durations in nanoseconds; what an input does not tell is
//! `null`. `error` says why the input could not be read to its end, with the rest being of what came before; programs
//! without that field print nothing but the error then, on standard error. Where a field is a **spread** it is a
//! [`Histogram`](super::Histogram) as that serialises. A **stack** is an array of `func`, `file` and `line`, innermost first.
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
