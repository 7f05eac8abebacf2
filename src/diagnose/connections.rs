//! Goroutines of the standard library that serve network connections.

use super::finding::{Against, Source, Weakens};
use crate::event::OwnedFrame;

/// Functions in which goroutines start that `net/http` creates for a connection (Go
/// `src/net/http/transport.go`, `server.go`, `h2_bundle.go`).
const SERVING: [&str; 6] = [
    "net/http.(*persistConn).readLoop",
    "net/http.(*persistConn).writeLoop",
    "net/http.(*connReader).backgroundRead",
    "net/http.(*http2ClientConn).readLoop",
    "net/http.(*http2serverConn).readFrames",
    "net/http.(*Transport).dialConn",
];

/// The factor for findings about the memory of connections, if connections are idle.
const MEMORY_FACTOR: f64 = 0.5;

/// Returns whether goroutines that start in a function serve a connection. Other goroutines decide
/// how long it stays open.
pub(super) fn serves_connection(start: &str) -> bool {
    SERVING.iter().any(|function| start.starts_with(function))
}

/// Returns whether a stack is that of a goroutine whose connection is idle. There is nothing to do
/// on it, and the other side or a timeout may close it, so it is no leak:
///
/// - a server's goroutine that waits for the next request (`conn.serve` peeks at the connection
///   between two requests), or watches for the client to leave (`backgroundRead`),
/// - a client's goroutine that waits for the server to close an idle connection (`readLoop` peeks
///   at it), or for the next request to write (`writeLoop`).
///
/// A client's `readLoop` in a select is not idle: it waits until the program has read and closed a
/// response body.
pub(super) fn is_idle(stack: &[OwnedFrame]) -> bool {
    let calls = |pair: &[OwnedFrame]| {
        let (callee, caller) = (pair[0].func.as_str(), pair[1].func.as_str());
        let peeks = callee == "bufio.(*Reader).Peek";
        peeks && ["net/http.(*conn).serve", "net/http.(*persistConn).readLoop"].contains(&caller)
            || callee == "runtime.selectgo" && caller == "net/http.(*persistConn).writeLoop"
    };
    stack.windows(2).any(calls) || stack.iter().any(|frame| frame.func == "net/http.(*connReader).backgroundRead")
}

/// Reports that `count` goroutines of idle connections are not a leak.
pub(super) fn idle(source: Source, count: u64) -> Against {
    let reason = format!(
        "{count} goroutines serve idle keep-alive connections of net/http, which are not a leak (Server.IdleTimeout and Transport.IdleConnTimeout limit how long they stay)"
    );
    Against { source, factor: MEMORY_FACTOR, weakens: Weakens::Connections, reason }
}
