//! Where repaired traces go. Until a trace is whole and checked it is a temporary file beside its place.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use gotrace::edit::Draft;
use same_file::Handle;
use tempfile::{Builder, NamedTempFile, TempPath};

use crate::failure::Failure;

/// Where a repaired trace goes.
pub(crate) struct Place {
    /// As it was named.
    pub name: PathBuf,
    /// Without the links of its name.
    file: PathBuf,
    /// Of the file that is there.
    permissions: Option<Permissions>,
}

impl Place {
    /// Refuses a place where there is something other than a file, and the trace itself, by whatever name: it would be
    /// lost.
    pub(crate) fn new(name: &Path, trace: &Path) -> Result<Self, Failure> {
        if name == Path::new("-") {
            return Err(Failure::Usage("a repaired trace is not written to standard output: name a file".to_owned()));
        }
        let failure = |error| Failure::output(name, error);
        match fs::symlink_metadata(name) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Place { name: name.to_owned(), file: name.to_owned(), permissions: None });
            }
            Err(error) => return Err(failure(error)),
        }
        let metadata = fs::metadata(name).map_err(failure)?;
        if !metadata.is_file() {
            return Err(Failure::Usage(format!("{}: is no file: a trace is not written there", name.display())));
        }
        if is_same(name, trace).map_err(failure)? {
            let message = format!("{}: is the trace itself: repair it into another file", name.display());
            return Err(Failure::Usage(message));
        }
        if metadata.permissions().readonly() {
            return Err(failure(io::ErrorKind::PermissionDenied.into()));
        }
        let file = fs::canonicalize(name).map_err(failure)?;
        Ok(Place { name: name.to_owned(), file, permissions: Some(metadata.permissions()) })
    }

    /// Whether a file is there.
    pub(crate) fn is_taken(&self) -> bool {
        self.permissions.is_some()
    }

    /// Whether both are one file, by whatever name.
    pub(crate) fn is(&self, other: &Place) -> bool {
        self.file == other.file
    }

    /// The place of another part: that of OUT is OUT.2, OUT.3 …
    pub(crate) fn numbered(&self, number: usize, trace: &Path) -> Result<Self, Failure> {
        let mut name = OsString::from(&self.name);
        name.push(format!(".{number}"));
        Place::new(Path::new(&name), trace)
    }

    /// Begins a file beside the place.
    pub(crate) fn draft(&self) -> io::Result<TempDraft> {
        let folder = self.file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".doctor-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(AS_ANY_FILE));
        fs::metadata(folder)?;
        // The text of the library's error names the draft.
        let file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
        Ok(TempDraft { file: BufWriter::with_capacity(1 << 16, file) })
    }
}

/// What a new file may be used for, but for what the user's mask forbids.
#[cfg(unix)]
const AS_ANY_FILE: u32 = 0o666;

/// Whether a file is the trace.
fn is_same(file: &Path, trace: &Path) -> io::Result<bool> {
    let there = Handle::from_path(file)?;
    Ok(match trace == Path::new("-") {
        true => Handle::stdin().is_ok_and(|trace| trace == there),
        // To open a pipe is to wait for who writes it.
        false if !fs::metadata(trace).is_ok_and(|metadata| metadata.is_file()) => false,
        false => Handle::from_path(trace).is_ok_and(|trace| trace == there),
    })
}

/// A file that is being written. It goes away unless it is finished and put somewhere.
pub(crate) struct TempDraft {
    file: BufWriter<NamedTempFile>,
}

impl Draft for TempDraft {
    type Trace = Closed;

    fn reader(&mut self) -> io::Result<impl Read + Send> {
        self.file.flush()?;
        self.file.get_ref().reopen()
    }

    /// Closes the file: there may be more of them than files can be open.
    fn finish(self) -> io::Result<Closed> {
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        Ok(Closed { file: file.into_temp_path() })
    }
}

impl Write for TempDraft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that is written. It goes away unless it is put somewhere.
pub(crate) struct Closed {
    file: TempPath,
}

impl Closed {
    /// Puts it to a place, instead of what is there.
    pub(crate) fn put(self, place: &Place) -> Result<(), Failure> {
        let failure = |error| Failure::output(&place.name, error);
        if let Some(permissions) = &place.permissions {
            fs::set_permissions(&self.file, permissions.clone()).map_err(failure)?;
        }
        self.file.persist(&place.file).map_err(|error| failure(error.error))
    }
}
