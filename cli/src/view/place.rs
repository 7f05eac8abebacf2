//! Places in the code, in a line.

use gotrace::OwnedFrame;
use gotrace::timeline::StackTrace;

use super::names;

/// Frames with their callers, such as `main.serve main.go:12 < main.main main.go:7`.
pub fn text(frames: &[OwnedFrame], is_wide: bool) -> String {
    let place = |frame: &OwnedFrame| {
        let func = if is_wide { &frame.func } else { names::without_path(&frame.func) };
        format!("{func} {}:{}", names::file_name(&frame.file), frame.line)
    };
    frames.iter().map(place).collect::<Vec<_>>().join(" < ")
}

/// The innermost frames of a stack that are not the runtime's own, or are if there are no others.
pub fn own_frames(stack: StackTrace<'_>, most: usize) -> Vec<OwnedFrame> {
    let is_internal = |func: &[u8]| func.starts_with(b"runtime.") || func.starts_with(b"internal/runtime");
    let own = stack.frames().skip_while(|frame| is_internal(frame.func.as_bytes())).take(most);
    let own: Vec<OwnedFrame> = own.map(OwnedFrame::from).collect();
    if own.is_empty() { stack.frames().take(most).map(OwnedFrame::from).collect() } else { own }
}
