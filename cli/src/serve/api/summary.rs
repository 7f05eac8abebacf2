//! What the page shows first: the state of loading, then what is in the trace.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gotrace::diagnose::InputKind;
use gotrace::timeline::LaneState;
use gotrace::{ProcId, ThreadId, Time, Timeline, analysis};
use serde::Serialize;

use super::super::session::{Loaded, Phase, Session, SessionFile};
use super::super::source::SessionProfile;
use super::{Answer, Kind, compute, to_json};
use crate::view::names;

#[derive(Serialize)]
#[serde(tag = "phase", rename_all = "lowercase")]
enum Document<'s> {
    Loading {
        title: &'s str,
        bytes: u64,
        total: Option<u64>,
    },
    Failed {
        title: &'s str,
        error: &'s str,
    },
    Ready {
        title: &'s str,
        files: Vec<FileRow>,
        trace: Option<Box<Summary>>,
        /// Whether there is something to judge for leaks.
        leak: bool,
        profiles: Vec<ProfileRow>,
    },
}

/// A file of the session.
#[derive(Serialize)]
struct FileRow {
    path: String,
    kind: &'static str,
    /// The size in bytes, if it is known.
    size: Option<u64>,
}

/// A profile of the session.
#[derive(Serialize)]
struct ProfileRow {
    id: usize,
    name: String,
    /// The types of its values.
    types: Vec<String>,
    /// The type that is shown first.
    default: String,
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
        Phase::Loading(progress) => {
            Json(Document::Loading { title: &title, bytes: progress.read(), total: progress.len }).into_response()
        }
        Phase::Failed(error) => Json(Document::Failed { title: &title, error }).into_response(),
        Phase::Ready(_) => {
            let of = Arc::clone(&session);
            let body = compute(session, move |loaded| ready(&title, &of.files, loaded));
            body.await.map(|body| ([(header::CONTENT_TYPE, Kind::Json.name())], body)).into_response()
        }
    }
}

/// The answer once the files are loaded.
pub fn ready(title: &str, files: &[SessionFile], loaded: &Loaded) -> Answer {
    to_json(&Document::Ready {
        title,
        files: files.iter().map(FileRow::new).collect(),
        trace: loaded.timeline().ok().map(|timeline| Box::new(Summary::new(timeline))),
        leak: loaded.has_evidence,
        profiles: loaded.profiles.iter().enumerate().map(ProfileRow::new).collect(),
    })
}

impl FileRow {
    fn new(file: &SessionFile) -> Self {
        let kind = match file.kind {
            InputKind::Profile(_) => "profile",
            kind => kind.name(),
        };
        FileRow { path: names::printable(&file.path.display().to_string()), kind, size: file.size }
    }
}

impl ProfileRow {
    fn new((id, SessionProfile { name, profile }): (usize, &SessionProfile)) -> Self {
        let types: Vec<String> = profile.sample_types().map(|of| of.kind.to_string()).collect();
        let default = profile.default_sample_type().and_then(|index| types.get(index)).cloned().unwrap_or_default();
        ProfileRow { id, name: name.clone(), types, default }
    }
}

impl Summary {
    fn new(timeline: &Timeline) -> Self {
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
        let nanos = |state| cells.iter().fold(0u64, |sum, cell| sum.saturating_add(cell.nanos(state)));
        Group {
            id: group.number(),
            name: group.name().to_string(),
            count: group.goroutines().len(),
            running_ns: nanos(LaneState::Running).saturating_add(nanos(LaneState::GcWork)),
            runnable_ns: nanos(LaneState::Runnable),
            waiting_ns: nanos(LaneState::Waiting),
            syscall_ns: nanos(LaneState::Syscall),
            alive_at_end: group.goroutines().filter(|goroutine| goroutine.ended_at().is_none()).count(),
            runtime: analysis::is_runtime_goroutine(group.name().as_bytes()),
        }
    };
    timeline.groups().map(group).collect()
}
