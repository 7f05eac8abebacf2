//! The profiles of testdata.

use std::path::{Path, PathBuf};

use gotrace::pprof::Profile;

use crate::corpus::testdata;

/// All of them, such as `go1.27/heap.pb.gz`, with their names.
pub fn all() -> Vec<(String, PathBuf)> {
    let root = testdata().join("profiles");
    let mut found = Vec::new();
    for version in std::fs::read_dir(&root).expect("testdata has profiles") {
        let version = version.expect("it can be listed").path();
        for profile in std::fs::read_dir(&version).expect("it is a directory") {
            let path = profile.expect("it can be listed").path();
            let name = path.strip_prefix(&root).expect("it is below").display().to_string();
            found.push((name, path));
        }
    }
    found.sort();
    assert!(found.len() >= 34, "four versions with eight or nine each: {}", found.len());
    found
}

/// Those that the programs of `testdata/leaks` captured, and the real programs beside them, such as
/// `captures/go1.27/chansend/heap.1.pb.gz`.
pub fn captures() -> Vec<(String, PathBuf)> {
    let root = testdata().join("leaks");
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("testdata has captures");
        entries.map(|entry| entry.expect("it can be listed").path()).collect()
    };
    let programs = list(&root.join("captures")).into_iter().flat_map(|version| list(&version));
    let programs = programs.chain(list(&root.join("real")).into_iter().filter(|path| path.is_dir()));
    let files = programs.flat_map(|program| list(&program));
    let name = |path: &PathBuf| path.strip_prefix(&root).expect("it is below").display().to_string();
    let mut found: Vec<_> = files.map(|path| (name(&path), path)).filter(|it| it.0.ends_with(".pb.gz")).collect();
    found.sort();
    assert!(found.len() >= 750, "41 programs in three versions, with six or seven each: {}", found.len());
    found
}

/// Of these versions, the path of a profile.
pub fn path(name: &str) -> PathBuf {
    testdata().join(format!("profiles/{name}.pb.gz"))
}

/// A sound profile of a file.
pub fn open(path: &Path) -> Profile<'static> {
    Profile::from_path(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A sound profile in memory.
pub fn parse(bytes: &[u8]) -> Profile<'_> {
    Profile::from_slice(bytes).unwrap_or_else(|error| panic!("{error}"))
}
