//! Where repaired traces are written. Until a trace is complete and checked, it is a temporary file
//! in the same folder.

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
    /// The path as the user gave it.
    pub name: PathBuf,
    /// The path with symbolic links resolved.
    file: PathBuf,
    /// The permissions of the existing file; `None` if there is none.
    permissions: Option<Permissions>,
}

impl Place {
    /// Fails if the path exists and is not a regular file, or if it is the damaged trace itself,
    /// which would be overwritten.
    pub(crate) fn new(name: &Path, trace: &Path) -> Result<Self, Failure> {
        if name == Path::new("-") {
            return Err(Failure::Usage(
                "a repaired trace is not written to standard output; give a file name".to_owned(),
            ));
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
            return Err(Failure::Usage(format!("{} is not a regular file; give another name", name.display())));
        }
        if is_same(name, trace).map_err(failure)? {
            let message = format!("{} is the trace itself; write the repaired trace to another file", name.display());
            return Err(Failure::Usage(message));
        }
        if metadata.permissions().readonly() {
            return Err(failure(io::ErrorKind::PermissionDenied.into()));
        }
        let file = fs::canonicalize(name).map_err(failure)?;
        Ok(Place { name: name.to_owned(), file, permissions: Some(metadata.permissions()) })
    }

    /// Whether a file already exists at this path.
    pub(crate) fn is_taken(&self) -> bool {
        self.permissions.is_some()
    }

    /// Whether both paths are the same file.
    pub(crate) fn is(&self, other: &Place) -> bool {
        self.file == other.file
    }

    /// Where another part of the repaired trace goes: OUT.2, OUT.3 and so on.
    pub(crate) fn numbered(&self, number: usize, trace: &Path) -> Result<Self, Failure> {
        let mut name = OsString::from(&self.name);
        name.push(format!(".{number}"));
        Place::new(Path::new(&name), trace)
    }

    /// Creates a temporary file in the same folder.
    pub(crate) fn draft(&self) -> io::Result<TempDraft> {
        let folder = self.file.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".doctor-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(NEW_FILE_MODE));
        fs::metadata(folder)?;
        // Keep only the kind: the error text contains the name of the temporary file.
        let file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
        Ok(TempDraft { file: BufWriter::with_capacity(1 << 16, file) })
    }
}

/// The permissions that programs request for new files. The user's umask reduces them.
#[cfg(unix)]
const NEW_FILE_MODE: u32 = 0o666;

/// Whether a file is the damaged trace.
fn is_same(file: &Path, trace: &Path) -> io::Result<bool> {
    let there = Handle::from_path(file)?;
    Ok(match trace == Path::new("-") {
        true => Handle::stdin().is_ok_and(|trace| trace == there),
        // Opening a pipe would wait for its writer.
        false if !fs::metadata(trace).is_ok_and(|metadata| metadata.is_file()) => false,
        false => Handle::from_path(trace).is_ok_and(|trace| trace == there),
    })
}

/// A temporary file that is being written. Dropping it deletes the file.
pub(crate) struct TempDraft {
    file: BufWriter<NamedTempFile>,
}

impl TempDraft {
    /// A draft that nobody keeps, in the system's folder for temporary files.
    pub(crate) fn discarded() -> io::Result<Self> {
        Ok(TempDraft { file: BufWriter::with_capacity(1 << 16, NamedTempFile::new()?) })
    }
}

impl Draft for TempDraft {
    type Trace = Closed;

    fn reader(&mut self) -> io::Result<impl Read + Send> {
        self.file.flush()?;
        self.file.get_ref().reopen()
    }

    /// Closes the file, since a repair may have more parts than the process can have open files.
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

/// A temporary file that is complete. Dropping it deletes the file, unless [`put`](Self::put) moved
/// it.
pub(crate) struct Closed {
    file: TempPath,
}

impl Closed {
    /// Moves the file to its final path. An existing file is replaced.
    pub(crate) fn put(self, place: &Place) -> Result<(), Failure> {
        let failure = |error| Failure::output(&place.name, error);
        if let Some(permissions) = &place.permissions {
            fs::set_permissions(&self.file, permissions.clone()).map_err(failure)?;
        }
        self.file.persist(&place.file).map_err(|error| failure(error.error))
    }
}
