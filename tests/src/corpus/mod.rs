//! The traces of testdata and the text that Go's tool prints of them.

pub mod v1;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// The releases whose traces consist of generations.
pub const RELEASES: [&str; 6] = ["go1.22", "go1.23", "go1.24", "go1.25", "go1.26", "go1.27"];

/// The releases with v1 traces, which have no generations.
pub const V1_RELEASES: [&str; 2] = ["go1.19", "go1.21"];

/// A trace of testdata.
pub struct Sample {
    pub path: PathBuf,
    /// The release that wrote it and its name, such as `go1.26/http`.
    pub name: String,
}

impl Sample {
    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.path).expect("the trace is in testdata")
    }

    /// What `go tool trace -d=FORMAT` prints.
    pub fn golden(&self, format: &str) -> Vec<u8> {
        let path = self.golden_path(&format!("{format}.gz"));
        let mut text = Vec::new();
        let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        GzDecoder::new(file).read_to_end(&mut text).expect("a gzip file");
        text
    }

    /// Whether the tool failed before the end of the trace.
    pub fn golden_is_cut(&self, format: &str) -> bool {
        self.golden_path(&format!("{format}.err")).exists()
    }

    fn golden_path(&self, suffix: &str) -> PathBuf {
        testdata().join("golden").join(format!("{}.{suffix}", self.name))
    }
}

pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("testdata")
}

/// One trace.
pub fn sample(name: &str) -> Sample {
    Sample { path: testdata().join("traces").join(format!("{name}.trace")), name: name.to_owned() }
}

/// The traces of a release, by name.
pub fn samples(release: &str) -> Vec<Sample> {
    let folder = testdata().join("traces").join(release);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "trace"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names.iter().map(|name| sample(&format!("{release}/{name}"))).collect()
}
