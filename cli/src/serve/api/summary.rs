//! What the page shows first: the state of loading, then what is in the trace.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gotrace::timeline::LaneState;
use gotrace::{ProcId, ThreadId, Time, Timeline, analysis};
use serde::Serialize;

use super::super::session::{Loaded, Phase, Session};
use super::{Answer, Kind, compute, to_json};

#[derive(Serialize)]
#[serde(tag = "phase", rename_all = "lowercase")]
enum Document<'s> {
    Loading { title: &'s str, bytes: u64, total: Option<u64> },
    Failed { title: &'s str, error: &'s str },
    Ready { title: &'s str, trace: Box<Summary> },
}

/// What is in the trace.
#[derive(Serialize)]
struct Summary {
    /// The Go release that wrote the trace.
    version: String,
    start_ns: Time,
    end_ns: Time,
    /// The time of the start, in nanoseconds since 1970. `null` before Go 1.25.
    wall_start_ns: Option<i64>,
    /// GOMAXPROCS at the end.
    gomaxprocs: Option<u64>,
    procs: Vec<ProcId>,
    threads: Vec<ThreadId>,
    goroutine_count: usize,
    span_count: u64,
    groups: Vec<Group>,
    /// The reasons of waits, which lanes refer to by number.
    reasons: Vec<String>,
    gaps_ns: Vec<Time>,
    task_count: usize,
    region_count: usize,
    log_count: usize,
    gc_cycle_count: usize,
    pause_count: usize,
    warnings: Vec<String>,
}

/// The goroutines that started in a function.
#[derive(Serialize)]
struct Group {
    id: u32,
    name: String,
    count: usize,
    running_ns: u64,
    runnable_ns: u64,
    waiting_ns: u64,
    syscall_ns: u64,
    /// How many were alive at the end.
    alive_at_end: usize,
    /// Whether they belong to the Go runtime.
    runtime: bool,
}

/// Answers at once, unlike the other requests: the page asks for it again and again while the trace is loaded.
pub async fn session(State(session): State<Arc<Session>>) -> Response {
    let title = session.title();
    match session.phase() {
        Phase::Loading(bytes) => Json(Document::Loading { title: &title, bytes, total: session.len }).into_response(),
        Phase::Failed(error) => Json(Document::Failed { title: &title, error }).into_response(),
        Phase::Ready(_) => {
            let body = compute(Arc::clone(&session), move |loaded| ready(&title, loaded));
            body.await.map(|body| ([(header::CONTENT_TYPE, Kind::Json.name())], body)).into_response()
        }
    }
}

/// The answer once the trace is loaded.
pub fn ready(title: &str, loaded: &Loaded) -> Answer {
    to_json(&Document::Ready { title, trace: Box::new(Summary::new(loaded)) })
}

impl Summary {
    fn new(loaded: &Loaded) -> Self {
        let timeline = &loaded.timeline;
        let (warnings, _) = timeline.warnings();
        Summary {
            version: timeline.version().to_string(),
            start_ns: timeline.start(),
            end_ns: timeline.end(),
            wall_start_ns: timeline.wall_at(timeline.start()).and_then(|wall| wall.as_nanos().try_into().ok()),
            gomaxprocs: timeline.gomaxprocs_at(timeline.end()),
            procs: timeline.procs().map(|proc| proc.id()).collect(),
            threads: timeline.threads().map(|thread| thread.id()).collect(),
            goroutine_count: timeline.goroutines().len(),
            span_count: timeline.memory().spans,
            groups: groups(timeline),
            reasons: timeline.wait_reasons().map(|reason| reason.to_string()).collect(),
            gaps_ns: timeline.gaps().collect(),
            task_count: timeline.tasks().len(),
            region_count: timeline.regions().len(),
            log_count: timeline.logs().len(),
            gc_cycle_count: timeline.gc_cycles().len(),
            pause_count: timeline.pauses().len(),
            warnings: warnings.iter().take(MAX_WARNINGS).map(ToString::to_string).collect(),
        }
    }
}

/// More warnings are not shown.
const MAX_WARNINGS: usize = 20;

/// Returns the groups with their times over the whole trace.
fn groups(timeline: &Timeline) -> Vec<Group> {
    let lanes = timeline.lanes(timeline.start()..timeline.end(), 1);
    let group = |group: gotrace::timeline::Group<'_>| {
        let cells = lanes.group(group);
        let nanos = |state| cells.iter().map(|cell| cell.nanos(state)).sum();
        Group {
            id: group.number(),
            name: group.name().to_string(),
            count: group.goroutines().len(),
            running_ns: nanos(LaneState::Running) + nanos(LaneState::GcWork),
            runnable_ns: nanos(LaneState::Runnable),
            waiting_ns: nanos(LaneState::Waiting),
            syscall_ns: nanos(LaneState::Syscall),
            alive_at_end: group.goroutines().filter(|goroutine| goroutine.ended_at().is_none()).count(),
            runtime: analysis::is_runtime_goroutine(group.name().as_bytes()),
        }
    };
    timeline.groups().map(group).collect()
}
