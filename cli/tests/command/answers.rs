//! The JSON output of `goroutine`, `gc` and `blocking`, compared with the text of Go's tool.
//!
//! Two expected outputs were read from the text by hand. The others are computed from it.

use std::collections::BTreeMap;

use gotrace_tests::command::{gotrace, run, stderr};
use gotrace_tests::corpus::sample;
use gotrace_tests::parsed::lives::{Life, Span, WokenBy, naive, naive_totals, reason_names};
use gotrace_tests::parsed::{Event, Frame, events};
use serde_json::{Map, Value, json};

/// The JSON output of a subcommand for a trace.
fn answer(name: &str, trace: &str, args: &[&str]) -> Value {
    // The ID of a goroutine comes after the file.
    let options = args.iter().take_while(|arg| arg.starts_with("--")).count();
    let mut program = gotrace(name);
    if name == "goroutine" {
        program.arg(ALL_SPANS);
    }
    program.arg("--json").args(&args[..options]).arg(sample(trace).path).args(&args[options..]);
    let output = run(program, &[]);
    // If nothing matches, there is a JSON object too.
    let is_empty = output.status.code() == Some(2) && stderr(&output).contains(" matches --");
    assert!(output.status.success() || is_empty, "{name} {args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn refusal(name: &str, trace: &str, args: &[&str]) -> String {
    let mut program = gotrace(name);
    program.args(args).arg(sample(trace).path);
    if name == "goroutine" {
        program.arg("1");
    }
    let output = run(program, &[]);
    assert_eq!(output.status.code(), Some(2), "{name} {args:?}");
    stderr(&output)
}

fn text(trace: &str) -> String {
    String::from_utf8_lossy(&sample(trace).golden("parsed")).into_owned()
}

/// The options with which `goroutine` and `blocking` print everything.
const ALL_SPANS: &str = "--top=0";
const ALL_WAITS: [&str; 3] = ["--idle", "--waits", "--top=0"];

/// The goroutine `third` of testdata/programs/pingpong.go sleeps and then sends to a waiting
/// goroutine.
#[test]
fn goroutine_and_blocking_print_a_goroutine_as_read_by_hand() {
    let place = |func: &str, line: u64| json!({ "function": func, "file": "./pingpong.go", "line": line });
    let start = json!([place("main.main.func1.1", 29)]);
    let sleep = json!([
        { "function": "time.Sleep", "file": "runtime/time.go", "line": 363 },
        place("main.third", 89),
        place("main.main.func6", 42),
        place("main.main.func1.1", 31),
    ]);
    let none = json!([]);
    let timer = || json!({ "goroutine": null, "runtime": "timer", "stack": [] });
    let span = |start: i64, end: i64, state: &str, stack: &Value, on: Option<u64>| {
        let is_woken = start == 5_095_295_243_200 || end == 5_095_297_479_104;
        json!({
            "goroutine": 14, "start_ns": start, "end_ns": end, "state": state,
            "reason": (state == "waiting").then_some("sleep"), "stack": stack, "proc": on,
            "thread": on.map(|_| 7481), "woken_by": is_woken.then(timer), "open": false,
        })
    };
    let wait = span(5_095_295_243_200, 5_095_297_455_232, "waiting", &sleep, None);
    assert_eq!(
        answer("goroutine", "go1.26/pingpong", &["14"]),
        json!({
            "schema": 1,
            "error": null,
            "match_count": 1,
            "matches": [{
                "goroutine": 14, "function": "main.main.func1.1",
                "created_ns": 5_095_295_168_832_i64, "ended_ns": 5_095_297_480_448_i64,
            }],
            "life": {
                "goroutine": 14,
                "function": "main.main.func1.1",
                "start_stack": start,
                "created_ns": 5_095_295_168_832_i64,
                "created_by": 1,
                "creation_stack": [place("main.main.func1", 29), place("main.main", 42)],
                "ended_ns": 5_095_297_480_448_i64,
                "child_count": 0,
                "children": [],
                "start_ns": extent(&text("go1.26/pingpong")).0,
                "end_ns": extent(&text("go1.26/pingpong")).1,
                "totals": {
                    "total_ns": 2_311_616, "running_ns": 1_920, "runnable_ns": 97_664, "syscall_ns": 0,
                    "waiting_ns": 2_212_032,
                    "waiting": [{ "reason": "sleep", "count": 1, "total_ns": 2_212_032 }],
                },
                "span_count": 5,
                "spans": [
                    span(5_095_295_168_832, 5_095_295_242_624, "runnable", &start, None),
                    span(5_095_295_242_624, 5_095_295_243_200, "running", &none, Some(0)),
                    wait,
                    span(5_095_297_455_232, 5_095_297_479_104, "runnable", &none, None),
                    span(5_095_297_479_104, 5_095_297_480_448, "running", &none, Some(1)),
                ],
            },
        })
    );
    let printed = answer("blocking", "go1.26/pingpong", &["--goroutine=14", "--waits"]);
    let sums = json!({
        "count": 1, "total_ns": 2_212_032, "longest_ns": 2_212_032, "longest_goroutine": 14,
        "longest_start_ns": 5_095_295_243_200_i64,
    });
    let with = |key: &str, value: Value| {
        let mut row = sums.clone();
        row[key] = value;
        row
    };
    assert_eq!(printed["all"], sums);
    assert_eq!(printed["idle"]["count"], 0);
    assert_eq!(printed["by_reason"], json!([with("reason", json!("sleep"))]));
    let mut place = with("reason", json!("sleep"));
    place["stack"] = json!([sleep[0], sleep[1]]);
    assert_eq!(printed["by_place"], json!([place]));
    let mut waker = with("by", json!("timer"));
    (waker["function"], waker["stack"]) = (Value::Null, json!([]));
    assert_eq!(printed["by_waker"], json!([waker]));
    assert_eq!(printed["waits"], json!([wait]));
}

#[test]
fn gc_prints_a_cycle_as_read_by_hand() {
    let printed = answer("gc", "go1.26/gc", &[]);
    let pause = |reason: &str, start: i64, end: i64| json!({ "reason": reason, "start_ns": start, "end_ns": end });
    assert_eq!(
        printed["cycles"][0],
        json!({
            "seq": 1, "start_ns": 1_948_918_427_904_i64, "end_ns": 1_948_919_237_696_i64, "open": false,
            "pauses": [
                pause("GC sweep termination", 1_948_918_451_776, 1_948_918_466_560),
                pause("GC mark termination", 1_948_919_235_200, 1_948_919_240_832),
            ],
            "pause_ns": 20_416,
            "assist_ns": 1_875_072, "assists": 47,
            "sweep_ns": 140_160, "swept_bytes": 6_578_176, "reclaimed_bytes": 589_744,
            "heap_start_bytes": 6_516_416, "heap_end_bytes": 6_581_952, "heap_live_bytes": 5_837_920,
            "goal_bytes": 6_485_944, "next_goal_bytes": 6_886_496,
            "goroutine": 21,
        })
    );
    // 1,472, 14,784, 5,632, 81,216 and 5,056 ns.
    assert_eq!(
        printed["pause_totals"],
        json!({ "count": 5, "total_ns": 108_160, "max_ns": 81_216, "p50_ns": 5_632, "p99_ns": 81_216 })
    );
}

fn stack(frames: &[Frame]) -> Value {
    frames.iter().map(|frame| json!({ "function": frame.func, "file": frame.file, "line": frame.line })).collect()
}

/// What woke the goroutine, and the stack. On a thread without a P it is sysmon, unless the
/// goroutine waited for the network. On other threads the scheduler wakes goroutines of the
/// runtime, and timers wake all others.
fn waker(span: &Span, reason: &str) -> Value {
    match &span.woken_by {
        None => Value::Null,
        Some(WokenBy::Goroutine(id, frames)) => json!({ "goroutine": id, "runtime": null, "stack": stack(frames) }),
        Some(WokenBy::Runtime { sysmon, stack: frames }) => {
            let name = match reason {
                "network" => "network poller",
                _ if *sysmon => "sysmon",
                "" | "system goroutine wait" | "GC background sweeper wait" => "scheduler",
                _ => "timer",
            };
            json!({ "goroutine": null, "runtime": name, "stack": stack(frames) })
        }
    }
}

fn overlaps(span: &Span, from: i64, to: i64) -> bool {
    span.start < to && span.end > from
}

/// The spans of a life for which `is_wanted` is true.
fn span_rows(id: u64, life: &Life, is_wanted: impl Fn(&Span) -> bool) -> Vec<Value> {
    let names = reason_names(life);
    let rows = life.spans.iter().enumerate().filter(|(_, span)| is_wanted(span));
    let row = |(i, span): (usize, &Span)| {
        let before = i.checked_sub(1).map(|before| &life.spans[before]);
        let reason = match span.state.as_str() {
            "Waiting" => &span.reason,
            _ => before.map_or(&span.reason, |before| &before.reason),
        };
        json!({
            "goroutine": id, "start_ns": span.start, "end_ns": span.end, "state": span.state.to_lowercase(),
            "reason": (!names[i].is_empty()).then_some(&names[i]), "stack": stack(&span.stack),
            "proc": span.proc, "thread": span.thread, "woken_by": waker(span, reason), "open": span.open,
        })
    };
    rows.map(row).collect()
}

/// The expected output of `goroutine`.
fn life(id: u64, lives: &BTreeMap<u64, Life>, from: i64, to: i64) -> Value {
    let life = &lives[&id];
    let mut children: Vec<_> = lives.iter().filter(|(_, child)| child.created_by == Some(id)).collect();
    children.sort_by_key(|(_, child)| child.created_at);
    let rows = span_rows(id, life, |span| overlaps(span, from, to));
    json!({
        "goroutine": id, "function": life.name, "start_stack": stack(&life.start_stack),
        "created_ns": life.created_at, "created_by": life.created_by, "creation_stack": stack(&life.creation_stack),
        "ended_ns": life.ended_at, "child_count": children.len(),
        "children": children.iter().map(|(id, _)| **id).collect::<Vec<_>>(), "start_ns": from, "end_ns": to,
        "totals": naive_totals(life, from, to), "span_count": rows.len(), "spans": rows,
    })
}

/// The output of `goroutine`, with its totals in the form of [`naive_totals`].
fn printed_life(trace: &str, args: &[&str]) -> Value {
    let mut life = answer("goroutine", trace, args)["life"].take();
    let totals = life["totals"].take();
    let states = [("Running", "running_ns"), ("Runnable", "runnable_ns"), ("Syscall", "syscall_ns")];
    let states = states.map(|(state, key)| (state.to_owned(), totals[key].clone())).into_iter();
    let waits = totals["waiting"].as_array().expect("an array").iter();
    let waits =
        waits.map(|row| (format!("Waiting: {}", row["reason"].as_str().expect("a reason")), row["total_ns"].clone()));
    let totals: Map<String, Value> = states.chain(waits).filter(|(_, nanos)| *nanos != 0).collect();
    life["totals"] = totals.into();
    life
}

/// The first and the last time of a trace.
fn extent(text: &str) -> (i64, i64) {
    let events = events(text);
    (events[0].time, events[events.len() - 1].time)
}

#[test]
fn goroutine_prints_every_goroutine_as_in_the_text_of_go() {
    for trace in ["go1.26/pingpong", "go1.27/channels", "go1.22/syscalls"] {
        let text = text(trace);
        let lives = naive(&text);
        let (start, end) = extent(&text);
        for &id in lives.keys() {
            let printed = printed_life(trace, &[&id.to_string()]);
            assert_eq!(printed, life(id, &lives, start, end), "{trace}: goroutine {id}");
        }
    }
}

/// The wall-clock time for a time of the trace, according to the first clock snapshot in the text.
fn wall(text: &str, time: i64) -> String {
    let sync = text.lines().find(|line| line.contains(" Wall=")).expect("a snapshot");
    let field = |key: &str| sync.split_once(key).expect(key).1.split(' ').next().expect("a value").to_owned();
    let trace: i64 = field("Trace=").parse().expect("a time");
    let shown = field("Wall=");
    let (seconds, nanos) = shown.trim_end_matches('Z').split_once('.').expect("a fraction");
    let nanos: i64 = format!("{nanos:0<9}").parse().expect("nanoseconds");
    let nanos = nanos + time - trace;
    assert!((0..1_000_000_000).contains(&nanos), "within the second of the snapshot");
    format!("{seconds}.{nanos:09}Z")
}

#[test]
fn from_and_to_take_trace_time_and_wall_time() {
    let trace = "go1.26/pingpong";
    let text = text(trace);
    let lives = naive(&text);
    let (start, end) = extent(&text);
    // From the sleep of `third` to the end of the waits of `pong`.
    let (from, to) = (5_095_295_243_300, 5_095_297_455_240);
    let times = [(from.to_string(), to.to_string()), (wall(&text, from), wall(&text, to))];
    for (from_text, to_text) in &times {
        let (after, before) = (format!("--from={from_text}"), format!("--to={to_text}"));
        for (args, from, to) in
            [(vec![&after, &before], from, to), (vec![&after], from, end), (vec![&before], start, to)]
        {
            let mut args: Vec<&str> = args.into_iter().map(String::as_str).collect();
            let printed = printed_waits(trace, &args);
            assert_eq!(printed, waits(&lives, from, to, |_, _| true), "{args:?}");
            args.push("14");
            let printed = printed_life(trace, &args);
            assert_eq!(printed, life(14, &lives, from, to), "{args:?}");
        }
    }
    // Of the fourth span 8 ns are left, and the wait starts with the range.
    let printed = printed_life(trace, &[&format!("--from={from}"), &format!("--to={to}"), "14"]);
    assert_eq!(printed["totals"]["Waiting: sleep"], 5_095_297_455_232_i64 - from);
    assert_eq!(printed["totals"]["Runnable"], 8);
    assert_eq!(printed["spans"].as_array().map(Vec::len), Some(2));

    // The same instant with another UTC offset.
    let shifted = wall(&text, from).replace("T16:", "T18:").replace('Z', "+02:00");
    let printed = printed_life(trace, &[&format!("--from={shifted}"), "14"]);
    assert_eq!(printed, life(14, &lives, from, end));

    for args in [["--from=6000000000000", "--to=7000000000000"], ["--from=yesterday", "--to=5095297455240"]] {
        let refusal = refusal("gc", trace, &args);
        assert!(refusal.contains("no part of the trace is between --from and --to") || refusal.contains("1.5s, +20ms"));
    }
    assert!(refusal("gc", "go1.24/pingpong", &["--from=2026-11-25T16:34:34Z"]).contains("this trace has no wall time"));

    for name in ["goroutine", "blocking"] {
        for (args, message) in [
            (["--from=6000000000000", "--to=7000000000000"], "no part of the trace is between --from and --to"),
            (["--from=yesterday", "--to=5095297455240"], "1.5s, +20ms"),
        ] {
            let refusal = refusal(name, trace, &args);
            assert!(refusal.contains(message), "{name}: {refusal}");
        }
        // Before Go 1.25 a trace contains no wall time.
        let refusal = refusal(name, "go1.24/pingpong", &["--from=2026-11-25T16:34:34Z"]);
        assert!(refusal.contains("this trace has no wall time"), "{name}: {refusal}");
    }
}

/// The output of `blocking`, reduced to what [`waits`] computes, with sorted waits.
fn printed_waits(trace: &str, args: &[&str]) -> Value {
    let args: Vec<&str> = ALL_WAITS.into_iter().chain(args.iter().copied()).collect();
    let mut printed = answer("blocking", trace, &args);
    let mut rows = printed["waits"].take();
    rows.as_array_mut().expect("an array").sort_by_key(|wait| (wait["goroutine"].as_u64(), wait["start_ns"].as_i64()));
    let sums = printed["by_reason"].as_array().expect("an array").iter().map(|row| {
        json!({ "reason": row["reason"], "count": row["count"], "total_ns": row["total_ns"], "longest_ns": row["longest_ns"] })
    });
    json!({ "total_ns": printed["all"]["total_ns"], "by_reason": sums.collect::<Vec<_>>(), "waits": rows })
}

/// The expected output of `blocking`.
fn waits(lives: &BTreeMap<u64, Life>, from: i64, to: i64, is_wanted: impl Fn(u64, &Span) -> bool) -> Value {
    let mut rows = Vec::new();
    let mut sums: BTreeMap<String, (u64, i64, i64)> = BTreeMap::new();
    for (&id, life) in lives {
        let is_wanted = |span: &Span| span.state == "Waiting" && overlaps(span, from, to) && is_wanted(id, span);
        rows.extend(span_rows(id, life, is_wanted));
        for (span, reason) in life.spans.iter().zip(reason_names(life)).filter(|(span, _)| is_wanted(span)) {
            let within = span.end.min(to) - span.start.max(from);
            let (count, total, longest) = sums.entry(reason).or_default();
            (*count, *total, *longest) = (*count + 1, *total + within, (*longest).max(within));
        }
    }
    let total: i64 = sums.values().map(|(_, total, _)| total).sum();
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, (_, total, _))| -total);
    let by_reason: Vec<Value> = sums
        .into_iter()
        .map(|(reason, (count, total, longest))| {
            json!({ "reason": reason, "count": count, "total_ns": total, "longest_ns": longest })
        })
        .collect();
    json!({ "total_ns": total, "by_reason": by_reason, "waits": rows })
}

#[test]
fn blocking_prints_the_selected_waits() {
    for trace in ["go1.26/pingpong", "go1.27/http", "go1.23/mutex"] {
        let text = text(trace);
        let lives = naive(&text);
        let (start, end) = extent(&text);
        let all = waits(&lives, start, end, |_, _| true);
        let printed = |args: &[&str]| printed_waits(trace, args);
        assert_eq!(printed(&[]), all, "{trace}");
        let rows = all["waits"].as_array().expect("an array");
        assert!(rows.len() > 10);

        for reason in ["chan receive", "sync", "sleep", "no such reason"] {
            let expected = waits(&lives, start, end, |_, span| span.reason == reason);
            assert_eq!(printed(&[&format!("--reason={reason}")]), expected, "{trace}: {reason}");
        }
        // A minimum that equals the length of one wait.
        let mut lengths: Vec<i64> = rows
            .iter()
            .map(|row| row["end_ns"].as_i64().unwrap_or(0) - row["start_ns"].as_i64().unwrap_or(0))
            .collect();
        lengths.sort_unstable();
        let min = lengths[lengths.len() / 2];
        let expected = waits(&lives, start, end, |_, span| span.end - span.start >= min);
        assert_eq!(printed(&[&format!("--min={min}ns")]), expected, "{trace}: {min} ns");
        assert!(expected["waits"].as_array().is_some_and(|some| !some.is_empty() && some.len() < rows.len()));
        let expected = waits(&lives, start, end, |_, span| span.end - span.start >= 1_500_000);
        assert_eq!(printed(&["--min=1.5ms"]), expected, "{trace}");

        for &id in lives.keys() {
            let expected = waits(&lives, start, end, |of, _| of == id);
            assert_eq!(printed(&[&format!("--goroutine={id}")]), expected, "{trace}: goroutine {id}");
        }
        let refusal = refusal("blocking", trace, &["--goroutine=123456"]);
        assert!(refusal.contains("there is no goroutine 123456"), "{refusal}");
    }
    let refusal = refusal("blocking", "go1.27/http", &["--min=5"]);
    assert!(refusal.contains("give a number and a unit"), "{refusal}");
}

/// A range of the runtime.
#[derive(Clone, Debug)]
struct Range {
    name: String,
    go: Option<u64>,
    start: i64,
    end: Option<i64>,
    swept: u64,
    reclaimed: u64,
}

/// The value of an attribute of a range, or 0.
fn attribute(event: &Event, name: &str) -> u64 {
    let text = event.line.split_once(&format!("\"{name}\"=Value{{Uint64(")).map_or("0", |(_, rest)| rest);
    text.split(')').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// All ranges, in the order of their starts.
fn ranges(events: &[Event]) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    let mut open: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in events {
        let (Some(name), Some(scope)) = (event.quoted("Name"), event.field("Scope")) else { continue };
        let key = (name.to_owned(), scope.to_owned());
        match event.kind.as_str() {
            "RangeBegin" => {
                open.insert(key, ranges.len());
                let (name, go, start) = (name.to_owned(), event.go, event.time);
                ranges.push(Range { name, go, start, end: None, swept: 0, reclaimed: 0 });
            }
            "RangeEnd" => {
                let Some(range) = open.remove(&key).map(|at| &mut ranges[at]) else { continue };
                range.end = Some(event.time);
                range.swept = attribute(event, "bytes swept");
                range.reclaimed = attribute(event, "bytes reclaimed");
            }
            kind => assert!(kind == "RangeActive" && open.contains_key(&key) || kind == "Metric", "{}", event.line),
        }
    }
    ranges
}

/// GC cycles and pauses, without the sizes of the heap.
fn collections(text: &str, from: i64, to: i64) -> (Vec<Value>, Vec<Value>) {
    let events = events(text);
    let last = events[events.len() - 1].time;
    let ranges = ranges(&events);
    let end = |range: &Range| range.end.unwrap_or(last);
    let sum = |some: &[&Range]| some.iter().map(|range| end(range) - range.start).sum::<i64>();
    let reason = |range: &Range| Some(range.name.strip_prefix("stop-the-world (")?.strip_suffix(')')?.to_owned());
    let named = |name: &'static str| ranges.iter().filter(move |range| range.name == name);
    let pauses: Vec<(String, &Range)> = ranges.iter().filter_map(|range| Some((reason(range)?, range))).collect();
    let marks: Vec<&Range> = named("GC concurrent mark phase").collect();
    let is_selected = |range: &&Range| range.start <= to && end(range) >= from;

    let cycles = marks.iter().enumerate().filter(|(_, mark)| is_selected(mark)).map(|(i, mark)| {
        let within = |range: &&Range| (mark.start..end(mark)).contains(&range.start);
        let own: Vec<_> = pauses.iter().filter(|(reason, range)| reason.starts_with("GC") && within(range)).collect();
        let rows = own
            .iter()
            .map(|(reason, range)| json!({ "reason": reason, "start_ns": range.start, "end_ns": end(range) }));
        let assists: Vec<&Range> = named("GC mark assist").filter(within).collect();
        let next = marks.get(i + 1).map_or(i64::MAX, |next| next.start);
        let sweeps: Vec<&Range> =
            named("GC incremental sweep").filter(|range| (end(mark)..next).contains(&range.start)).collect();
        json!({
            "seq": i + 1, "start_ns": mark.start, "end_ns": end(mark), "open": mark.end.is_none(),
            "pauses": rows.collect::<Vec<_>>(),
            "pause_ns": own.iter().map(|(_, range)| end(range) - range.start).sum::<i64>(),
            "assist_ns": sum(&assists), "assists": assists.len(), "sweep_ns": sum(&sweeps),
            "swept_bytes": sweeps.iter().map(|range| range.swept).sum::<u64>(),
            "reclaimed_bytes": sweeps.iter().map(|range| range.reclaimed).sum::<u64>(),
            "goroutine": mark.go,
        })
    });
    let pauses = pauses.iter().filter(|(_, range)| is_selected(range)).map(|(reason, range)| {
        let stops = events.iter().filter(|event| {
            (range.start..=end(range)).contains(&event.time)
                && event.field("ProcID").is_some()
                && event.line.contains("->Idle ")
        });
        let stopped = stops.map(|event| event.time).max().unwrap_or(range.start);
        json!({
            "reason": reason, "start_ns": range.start, "end_ns": end(range), "open": range.end.is_none(),
            "time_to_stop_ns": stopped - range.start, "goroutine": range.go,
        })
    });
    (cycles.collect(), pauses.collect())
}

fn without(rows: &Value, keys: &[&str]) -> Vec<Value> {
    let strip = |row: &Value| {
        let fields = row.as_object().expect("an object").clone();
        Value::Object(fields.into_iter().filter(|(key, _)| !keys.contains(&key.as_str())).collect::<Map<_, _>>())
    };
    rows.as_array().expect("an array").iter().map(strip).collect()
}

#[test]
fn gc_prints_cycles_and_pauses_as_in_the_text_of_go() {
    let heap = ["heap_start_bytes", "heap_end_bytes", "heap_live_bytes", "goal_bytes", "next_goal_bytes"];
    for trace in ["go1.22/gc", "go1.25/gc", "go1.27/gc", "go1.26/stoptheworld", "go1.24/sweep", "go1.27/borders"] {
        let text = text(trace);
        let (start, end) = extent(&text);
        let (cycles, pauses) = collections(&text, start, end);
        assert!(cycles.len() + pauses.len() > 2, "{trace}");
        let printed = answer("gc", trace, &["--all"]);
        assert_eq!(without(&printed["cycles"], &heap), cycles, "{trace}");
        assert_eq!(without(&printed["pauses"], &["stack", "gc"]), pauses, "{trace}");
        let mut lengths: Vec<i64> = pauses
            .iter()
            .map(|pause| pause["end_ns"].as_i64().unwrap_or(0) - pause["start_ns"].as_i64().unwrap_or(0))
            .collect();
        lengths.sort_unstable();
        assert_eq!(printed["pause_totals"]["total_ns"], lengths.iter().sum::<i64>(), "{trace}");
        assert_eq!(printed["pause_totals"]["max_ns"], lengths[lengths.len() - 1], "{trace}");
        assert_eq!(printed["pause_totals"]["p50_ns"], lengths[lengths.len().div_ceil(2) - 1], "{trace}");

        // A range selects the cycles and pauses that overlap it, and prints them complete.
        let (from, to) = (start + (end - start) / 3, start + (end - start) / 2);
        let (cycles, pauses) = collections(&text, from, to);
        let printed = answer("gc", trace, &["--all", &format!("--from={from}"), &format!("--to={to}")]);
        assert_eq!(without(&printed["cycles"], &heap), cycles, "{trace}");
        assert_eq!(without(&printed["pauses"], &["stack", "gc"]), pauses, "{trace}");
    }
    // A wall-clock time that selects the second of two cycles.
    let trace = "go1.26/gc";
    let text = text(trace);
    let printed = answer("gc", trace, &[&format!("--from={}", wall(&text, 1_948_919_240_833))]);
    let (cycles, _) = collections(&text, 1_948_919_240_833, i64::MAX);
    assert_eq!((without(&printed["cycles"], &heap), cycles.len()), (cycles, 1));
}
