//! The files of the page.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::api::error_body;

/// The page loads scripts and styles of its own only, and talks to its own server only.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file of the page: its path and contents.
struct Asset {
    path: &'static str,
    content: &'static str,
}

macro_rules! assets {
    ($($path:literal),* $(,)?) => {
        &[$(Asset { path: $path, content: include_str!(concat!("../../web/", $path)) },)*]
    };
}

/// All files of the page. A module comes after those that it imports.
const ASSETS: &[Asset] = assets![
    "index.html",
    "style.css",
    "text.js",
    "dom.js",
    "format.js",
    "place.js",
    "table.js",
    "find.js",
    "help.js",
    "theme.js",
    "left-out.js",
    "header.js",
    "keys.js",
    "names.js",
    "chart.js",
    "subpage.js",
    "gc-page.js",
    "groups-page.js",
    "states.js",
    "span-panel.js",
    "goroutine-page.js",
    "leak-page.js",
    "call-graph.js",
    "canvas.js",
    "axis.js",
    "lane-paint.js",
    "lane-store.js",
    "lanes-draw.js",
    "intervals-draw.js",
    "tooltip.js",
    "flame.js",
    "frame-strip.js",
    "profile-tab.js",
    "profile-page.js",
    "distribution.js",
    "tasks-page.js",
    "pages.js",
    "hover.js",
    "pointer.js",
    "binary.js",
    "embedded.js",
    "server.js",
    "data.js",
    "range-panel.js",
    "selection.js",
    "splitter.js",
    "arrows.js",
    "rows.js",
    "labels.js",
    "overview-draw.js",
    "overview.js",
    "range-loader.js",
    "timeline.js",
    "range.js",
    "main.js",
];

/// Returns a file of the page.
///
/// # Panics
///
/// If there is no such file.
pub fn file(path: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.path == path).expect("a file of the page").content
}

/// Returns the modules. A module comes after those that it imports.
pub fn modules() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().filter(|asset| asset.path.ends_with(".js")).map(|asset| asset.content)
}

/// Serves a file of the page.
pub async fn serve(uri: Uri) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    let kind = match path.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    };
    match ASSETS.iter().find(|asset| asset.path == path) {
        Some(asset) => ([(header::CONTENT_TYPE, kind)], asset.content).into_response(),
        None => (StatusCode::NOT_FOUND, error_body("there is no such page")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The report joins the modules in this order, so each module comes after those that it imports.
    #[test]
    fn all_modules_are_listed_after_those_that_they_import() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let names = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").file_name());
        let there: HashSet<String> =
            names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.ends_with(".js")).collect();
        let mut seen = HashSet::new();
        for asset in ASSETS.iter().filter(|asset| asset.path.ends_with(".js")) {
            for import in asset.content.lines().filter(|line| line.starts_with("import ")) {
                let module = import.rsplit('"').nth(1).expect("a path").trim_start_matches("./");
                assert!(seen.contains(module), "{} imports {module}", asset.path);
            }
            seen.insert(asset.path.to_owned());
        }
        assert_eq!(seen, there);
    }
}
