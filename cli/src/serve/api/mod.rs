//! The answers to the page's requests. Each is computed on a thread for long work, so that others are not delayed.

pub mod goroutines;
pub mod intervals;
pub mod lanes;
pub mod leak;
pub mod marks;
pub mod pprof;
pub mod profile;
pub mod reports;
mod search;
pub mod series;
pub mod span;
pub mod summary;
pub mod view;

use std::fmt;
use std::sync::{Arc, LazyLock};

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use super::session::{Loaded, NoTrace, Phase, Session};

/// Why a request has no answer.
pub enum Refusal {
    /// The request is wrong.
    Wrong(String),
    /// The trace has no such thing.
    Absent(String),
    /// The trace is not loaded yet, or cannot be.
    NotReady(String),
    /// The answer cannot be computed.
    Failed(String),
}

impl From<NoTrace> for Refusal {
    fn from(missing: NoTrace) -> Self {
        Refusal::Absent(missing.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, why) = match self {
            Refusal::Wrong(why) => (StatusCode::BAD_REQUEST, why),
            Refusal::Absent(why) => (StatusCode::NOT_FOUND, why),
            Refusal::NotReady(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
            Refusal::Failed(why) => (StatusCode::INTERNAL_SERVER_ERROR, why),
        };
        (status, error_body(&why)).into_response()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Refusal::Wrong(why) | Refusal::Absent(why) | Refusal::NotReady(why) | Refusal::Failed(why)) = self;
        f.write_str(why)
    }
}

/// The body of an error.
pub fn error_body(why: &str) -> impl IntoResponse + use<> {
    Json(serde_json::json!({ "error": why }))
}

/// Answers that are computed at the same time. More would only wait for the processors.
static WORKERS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from).max(2))));

/// Computes an answer on a thread for long work.
async fn compute(
    session: Arc<Session>,
    answer: impl FnOnce(&Loaded) -> Answer + Send + 'static,
) -> Result<Bytes, Refusal> {
    let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
    let permit = Arc::clone(&WORKERS).acquire_owned().await.map_err(|error| failed(&error))?;
    let work = move || {
        // The work goes on if the browser no longer waits for the answer.
        let _permit = permit;
        match session.phase() {
            Phase::Ready(loaded) => answer(loaded).map(Bytes::from),
            Phase::Loading(_) => Err(Refusal::NotReady("the files are still being read".to_owned())),
            Phase::Failed(error) => Err(Refusal::NotReady(error.to_owned())),
        }
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))?
}

/// The body of an answer.
pub type Answer = Result<Vec<u8>, Refusal>;

fn to_json(value: &impl Serialize) -> Answer {
    serde_json::to_vec(value).map_err(|error| Refusal::Failed(error.to_string()))
}

/// Adds a path whose answer is computed from the loaded trace.
fn add<Q>(
    router: Router<Arc<Session>>,
    path: &str,
    kind: Kind,
    answer: fn(&Loaded, Q) -> Answer,
) -> Router<Arc<Session>>
where
    Q: DeserializeOwned + Send + 'static,
{
    let handler = move |State(session): State<Arc<Session>>, query: Result<Query<Q>, QueryRejection>| async move {
        let Query(query) = query.map_err(|error| Refusal::Wrong(error.body_text()))?;
        let body = compute(session, move |loaded| answer(loaded, query)).await?;
        Ok::<_, Refusal>(([(header::CONTENT_TYPE, kind.name())], body))
    };
    router.route(path, get(handler))
}

/// The content type of an answer.
#[derive(Clone, Copy)]
enum Kind {
    Json,
    Binary,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Json => "application/json",
            Kind::Binary => "application/octet-stream",
        }
    }
}

/// Computes the answer to a request with this query.
pub fn ask<Q: DeserializeOwned>(loaded: &Loaded, answer: fn(&Loaded, Q) -> Answer, query: &str) -> Answer {
    let uri = Uri::try_from(format!("/?{query}")).map_err(|error| Refusal::Wrong(error.to_string()))?;
    let Query(query) = Query::try_from_uri(&uri).map_err(|error| Refusal::Wrong(error.body_text()))?;
    answer(loaded, query)
}

/// A request without parameters.
#[derive(Deserialize)]
pub struct Nothing {}

/// All paths below `/api`, except for the login.
pub fn routes() -> Router<Arc<Session>> {
    let mut router = Router::new().route("/session", get(summary::session));
    router = add(router, "/lanes", Kind::Binary, lanes::lanes);
    router = add(router, "/series", Kind::Json, series::series);
    router = add(router, "/marks", Kind::Json, marks::marks);
    router = add(router, "/intervals", Kind::Json, intervals::intervals);
    router = add(router, "/group", Kind::Json, goroutines::group);
    router = add(router, "/goroutine", Kind::Json, goroutines::goroutine);
    router = add(router, "/names", Kind::Json, goroutines::names);
    router = add(router, "/span", Kind::Json, span::span);
    router = add(router, "/waits", Kind::Json, span::waits);
    router = add(router, "/profile", Kind::Json, profile::profile);
    router = add(router, "/find", Kind::Json, search::find);
    router = add(router, "/gc", Kind::Json, reports::gc);
    router = add(router, "/tasks", Kind::Json, reports::tasks);
    router = add(router, "/latency", Kind::Json, reports::latency);
    router = add(router, "/leak", Kind::Json, leak::leak);
    add(router, "/pprof", Kind::Json, pprof::pprof)
}
