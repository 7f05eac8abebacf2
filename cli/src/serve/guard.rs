//! Decides which requests are answered: those of the page, in a browser that was given the token.
//!
//! A page of another site can make a browser send requests to this port, directly or under a name of its own that it
//! points to this machine (DNS rebinding). Such requests have another `Host`, another `Origin`, or a `Sec-Fetch-Site`
//! that says so, and no cookie. Another user of the machine can connect, but does not know the token.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::api::error_body;
use super::assets;

/// 128 random bits, as hexadecimal digits.
type Secret = String;

pub struct Guard {
    address: SocketAddr,
    /// The `Host` headers that the page sends.
    hosts: Vec<String>,
    /// Whoever knows it can log in, any number of times.
    token: Secret,
    /// Tokens that each work for one login.
    once: Mutex<Vec<Secret>>,
    /// The value of the cookie of those who logged in.
    cookie: Secret,
}

impl Guard {
    pub fn new(address: SocketAddr) -> io::Result<Self> {
        let port = address.port();
        let own = match address.ip() {
            IpAddr::V4(ip) => format!("{ip}:{port}"),
            IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        };
        let mut hosts = vec![own, format!("localhost:{port}")];
        // Browsers leave out the usual port.
        if port == USUAL_PORT {
            let without_port = |host: &String| host.trim_end_matches(&format!(":{port}")).to_owned();
            hosts.extend(hosts.clone().iter().map(without_port));
        }
        Ok(Guard { address, hosts, token: secret()?, once: Mutex::default(), cookie: secret()? })
    }

    pub fn url(&self) -> String {
        format!("http://{}/#token={}", self.address, self.token)
    }

    pub fn url_for_once(&self) -> io::Result<String> {
        let token = secret()?;
        let url = format!("http://{}/#token={token}", self.address);
        self.once.lock().unwrap_or_else(PoisonError::into_inner).push(token);
        Ok(url)
    }

    /// Cookies are shared by all ports of a host, so the name contains the port.
    fn cookie_name(&self) -> String {
        format!("gotrace-{}", self.address.port())
    }

    fn is_token(&self, token: &str) -> bool {
        let mut once = self.once.lock().unwrap_or_else(PoisonError::into_inner);
        let used = once.iter().position(|known| is_equal(known, token));
        if let Some(used) = used {
            once.swap_remove(used);
        }
        used.is_some() || is_equal(&self.token, token)
    }

    fn is_logged_in(&self, headers: &HeaderMap) -> bool {
        let name = self.cookie_name();
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(key, value)| key == name && is_equal(&self.cookie, value))
    }

    /// Returns why a request does not come from the page or the address bar. `None` if it may.
    fn objection(&self, request: &Request) -> Option<&'static str> {
        let headers = request.headers();
        let mut hosts = headers.get_all(header::HOST).into_iter();
        match (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) {
            (Some(host), None) if self.hosts.iter().any(|known| known == host) => {}
            _ => return Some("the Host header is not the address that gotrace printed"),
        }
        // A request to a proxy names a host in the request line too.
        if request.uri().authority().is_some_and(|host| self.hosts.iter().all(|known| known != host.as_str())) {
            return Some("the address in the request line is not the one that gotrace printed");
        }
        if let Some(origin) = headers.get(header::ORIGIN) {
            let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
            if !host.is_some_and(|host| self.hosts.iter().any(|known| known == host)) {
                return Some("the request comes from a page of another site");
            }
        }
        let is_api = request.uri().path().starts_with("/api/");
        match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
            // A link on another site may open the page, and the page then has no token.
            None | Some(b"same-origin" | b"none") => None,
            Some(_) if !is_api && *request.method() == Method::GET => None,
            Some(_) => Some("the request comes from a page of another site"),
        }
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The port of HTTP.
const USUAL_PORT: u16 = 80;
/// A request must be answered within this time, its body read included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// The body of a login must arrive within this time.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(10);

fn secret() -> io::Result<Secret> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Compares in a time that does not tell how many characters are right.
fn is_equal(secret: &str, guess: &str) -> bool {
    let difference = secret.bytes().zip(guess.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    secret.len() == guess.len() && difference == 0
}

#[derive(Deserialize)]
pub struct Login {
    token: String,
}

/// Exchanges the token for a cookie.
pub async fn login(State(guard): State<Arc<Guard>>, request: Request) -> Response {
    let Ok(login) = tokio::time::timeout(LOGIN_TIMEOUT, Json::<Login>::from_request(request, &())).await else {
        return (StatusCode::REQUEST_TIMEOUT, error_body("the token did not arrive")).into_response();
    };
    let login = match login {
        Ok(Json(login)) => login,
        Err(rejection) => return rejection.into_response(),
    };
    if !guard.is_token(&login.token) {
        return refuse("the token is wrong or was used: open the address that gotrace printed");
    }
    let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", guard.cookie_name(), guard.cookie);
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response()
}

/// Refuses requests without the cookie.
pub async fn require_login(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    match guard.is_logged_in(request.headers()) {
        true => next.run(request).await,
        false => refuse("not logged in: open the address that gotrace printed"),
    }
}

/// Refuses requests of other sites, and adds the headers that confine the page.
pub async fn check_origin(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.objection(&request) {
        Some(objection) => refuse(objection),
        None => match tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await {
            Ok(response) => response,
            Err(_) => {
                (StatusCode::REQUEST_TIMEOUT, error_body("the request or its answer took too long")).into_response()
            }
        },
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, assets::CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refuse(why: &str) -> Response {
    (StatusCode::FORBIDDEN, error_body(why)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("127.0.0.1:4040".parse().expect("an address")).expect("random bytes")
    }

    fn objection(path: &str, headers: &[(&str, &str)]) -> bool {
        let builder =
            headers.iter().fold(Request::builder().uri(path), |builder, (name, value)| builder.header(*name, *value));
        guard().objection(&builder.body(axum::body::Body::empty()).expect("a request")).is_some()
    }

    #[test]
    fn only_requests_of_the_page_are_answered() {
        let host = ("host", "127.0.0.1:4040");
        assert!(!objection("/", &[host]));
        assert!(!objection("/api/session", &[("host", "localhost:4040"), ("sec-fetch-site", "same-origin")]));
        assert!(!objection("/api/login", &[host, ("origin", "http://127.0.0.1:4040")]));
        assert!(!objection("/", &[host, ("sec-fetch-site", "cross-site")]), "a link may open the page");
        for hosts in [
            &[][..],
            &["evil.example:4040"],
            &["127.0.0.1"],
            &["127.0.0.1:4041"],
            &["localhost.evil.example:4040"],
            &["127.0.0.1:4040@evil.example"],
            &[""],
            &["127.0.0.1:4040", "evil.example"],
        ] {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            assert!(objection("/", &headers), "{hosts:?}");
        }
        for origin in ["null", "https://127.0.0.1:4040", "http://127.0.0.1:4041", "http://evil.example", ""] {
            assert!(objection("/api/session", &[host, ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", "other"] {
            assert!(objection("/api/session", &[host, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(objection("http://evil.example/api/session", &[host]));
    }

    #[test]
    fn on_the_usual_port_the_host_has_no_port() {
        let guard = Guard::new("127.0.0.1:80".parse().expect("an address")).expect("random bytes");
        assert_eq!(guard.hosts, ["127.0.0.1:80", "localhost:80", "127.0.0.1", "localhost"]);
    }

    #[test]
    fn a_token_for_the_browser_works_once() {
        let guard = guard();
        let url = guard.url_for_once().expect("random bytes");
        let token = url.rsplit('=').next().expect("a token");
        assert_eq!((guard.is_token(token), guard.is_token(token)), (true, false));
        assert!(guard.is_token(&guard.token) && guard.is_token(&guard.token));
        assert!(!guard.is_token("") && !guard.is_token(&guard.token[1..]) && !guard.is_token(&guard.cookie));
    }

    #[test]
    fn only_the_cookie_of_this_server_is_accepted() {
        let guard = guard();
        let is_logged_in = |cookie: &str| {
            let value = HeaderValue::from_str(cookie).expect("a header");
            guard.is_logged_in(&HeaderMap::from_iter([(header::COOKIE, value)]))
        };
        assert!(is_logged_in(&format!("a=b; gotrace-4040={}", guard.cookie)));
        for cookie in
            ["", "gotrace-4040=", &format!("gotrace-4041={}", guard.cookie), &format!("gotrace-4040={}", guard.token)]
        {
            assert!(!is_logged_in(cookie), "{cookie}");
        }
    }
}
