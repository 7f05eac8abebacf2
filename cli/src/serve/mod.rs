//! The local web server of `gotrace view`: serves the page, and answers its questions about one session. [`report`]
//! writes the page and answers to a file instead.
//!
//! Other programs and other web pages on the machine can reach the port, so [`guard`] decides which requests are
//! answered. [`session`] loads the files, each of which is a [`source`]; [`api`] has the answers.

mod api;
mod assets;
mod charts;
mod guard;
mod leak;
pub mod report;
mod session;
mod source;
mod trace;
mod tree;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use guard::Guard;
pub use session::{Phase, Session};

/// More connections than this wait until others are closed. A browser opens about six.
const MAX_CONNECTIONS: usize = 64;
/// The headers of a request must arrive within this time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection ends after this time, so that one whose other side no longer reads does not stay for ever.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest body, that of the login.
const MAX_BODY: usize = 1024;
/// The size of the buffer for the headers of a request.
const MAX_HEADERS: usize = 64 << 10;

/// A server that listens and does not answer yet.
pub struct Server {
    listener: std::net::TcpListener,
    guard: Guard,
}

impl Server {
    /// Starts to listen on an address of this machine.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let guard = Guard::new(listener.local_addr()?)?;
        Ok(Server { listener, guard })
    }

    /// Returns the address to open in a browser. Anyone who knows it can see the page.
    pub fn url(&self) -> String {
        self.guard.url()
    }

    /// Returns an address that works once. It is passed to the browser on the command line, which other users of the
    /// machine may see.
    pub fn url_for_browser(&self) -> io::Result<String> {
        self.guard.url_for_once()
    }

    /// Answers requests until the process ends.
    pub fn run(self, session: Arc<Session>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(serve(self.listener, Arc::new(self.guard), session))
    }
}

async fn serve(listener: std::net::TcpListener, guard: Arc<Guard>, session: Arc<Session>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let router = router(guard, session);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return Ok(()) };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The connection is gone already, or the process has too many open files.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEADERS);
            let connection = http.serve_connection(TokioIo::new(stream), service);
            // An error or the end of the time ends this connection only. The browser opens another.
            let _ = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            drop(permit);
        });
    }
}

fn router(guard: Arc<Guard>, session: Arc<Session>) -> Router {
    let api = api::routes()
        .with_state(session)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&guard), guard::require_login));
    Router::new()
        .route("/api/login", post(guard::login))
        .with_state(Arc::clone(&guard))
        .nest("/api", api)
        .fallback(get(assets::serve))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(guard, guard::check_origin))
}
