//! Joins the files of the page into one that loads nothing.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::serve::assets;

/// Where `index.html` names its style, its script, and the place for what must come before them.
const STYLE: &str = "<link rel=\"stylesheet\" href=\"style.css\">\n";
const SCRIPT: &str = "<script type=\"module\" src=\"main.js\"></script>\n";

/// Returns the page with its data, a JSON text.
///
/// Names in the data come from the traced program. In JSON, `<` is only within strings, so it can be written as an
/// escape, and then no name can end the script element.
pub fn with(data: &str) -> String {
    let (style, script) = (assets::file("style.css"), script());
    let policy = policy(&script, style);
    let markup = assets::file("index.html");
    let (head, rest) = markup.split_once(STYLE).expect("index.html has a style");
    let (body, end) = rest.split_once(SCRIPT).expect("index.html has a script");
    let data = data.replace('<', "\\u003c");
    format!(
        "{head}<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <style>{style}</style>\n{body}\
         <script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>{script}</script>\n{end}"
    )
}

/// Returns all modules as one script. They share one scope, so what they import from each other is there.
fn script() -> String {
    let is_import = |line: &&str| line.starts_with("import ");
    let mut script = "(() => {\"use strict\";\n".to_owned();
    for line in assets::modules().flat_map(str::lines).filter(|line| !is_import(line)) {
        script.push_str(line.strip_prefix("export ").unwrap_or(line));
        script.push('\n');
    }
    script.push_str("})();\n");
    script
}

/// Returns a policy that allows this script and this style only, and no requests.
fn policy(script: &str, style: &str) -> String {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(script),
        hash(style)
    )
}

fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Returns the text between two others.
    fn between<'t>(text: &'t str, start: &str, end: &str) -> &'t str {
        let (_, rest) = text.split_once(start).expect("the start");
        rest.split_once(end).expect("the end").0
    }

    #[test]
    fn a_name_in_the_data_cannot_end_the_script() {
        let hostile = "</script><img src=x onerror=alert(1)><!--<script>";
        let page = with(&serde_json::json!({ "name": hostile }).to_string());
        let data = between(&page, "id=\"data\">", "</script>");
        assert!(!data.contains('<'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(data).expect("JSON")["name"], hostile);
    }

    /// The browser runs a script and applies a style only if their hashes are in the policy.
    #[test]
    fn the_policy_has_the_hashes_of_what_is_in_the_page() {
        let page = with("{}");
        let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
        for (element, directive) in [("<style>", "style-src"), ("<script>", "script-src")] {
            let content = between(&page, element, &element.replace('<', "</"));
            assert!(policy.contains(&format!("{directive} '{}'", hash(content))), "{directive}: {policy}");
        }
        // https://www.w3.org/TR/CSP3/#grammardef-hash-source
        assert_eq!(hash("alert('Hello, world.');"), "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=");
    }

    #[test]
    fn the_joined_script_has_no_imports_and_no_exports() {
        let script = script();
        let is_module = |line: &&str| line.starts_with("import ") || line.starts_with("export ");
        assert_eq!(script.lines().find(is_module), None);
        // Text that would end the element, or make the browser look for another end.
        assert!(!script.contains("</script") && !script.contains("<!--") && !assets::file("style.css").contains("</"));
    }

    /// The modules share one scope, where a second definition would replace the first.
    #[test]
    fn no_two_modules_define_the_same_name() {
        let script = script();
        let words = ["function ", "async function ", "class ", "const ", "let "];
        let name_of = |line: &str| {
            let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
        };
        let mut seen = HashSet::new();
        let twice: Vec<String> = script.lines().filter_map(name_of).filter(|name| !seen.insert(name.clone())).collect();
        assert!(seen.len() > 200);
        assert_eq!(twice, Vec::<String>::new());
    }
}
