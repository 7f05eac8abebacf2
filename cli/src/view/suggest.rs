//! Suggests a name in place of one that does not exist.

/// The name most similar to `wanted`: one that contains it, or that differs in few letters. `None`
/// if no name is similar enough.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Names that are less alike are not suggested.
    const LEAST: f64 = 0.65;
    let lower = wanted.to_lowercase();
    let score = |name: &str| {
        let name = name.to_lowercase();
        if !lower.is_empty() && name.contains(&lower) { 2.0 } else { strsim::jaro_winkler(&lower, &name) }
    };
    let scored = names.into_iter().map(|name| (score(name), name)).filter(|(score, _)| *score >= LEAST);
    scored.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_similar_name_is_found() {
        let names = ["chan receive", "sync", "select", "sleep", "GC background sweeper wait"];
        for (wanted, name) in [
            ("sink", Some("sync")),
            ("selct", Some("select")),
            ("receive", Some("chan receive")),
            ("Sleep", Some("sleep")),
            ("database", None),
        ] {
            assert_eq!(nearest(wanted, names), name, "{wanted}");
        }
    }
}
