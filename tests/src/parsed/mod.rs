//! A parser for the text of `go tool trace -d=parsed`.

pub mod lives;

/// A frame of a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    pub func: String,
    pub file: String,
    pub line: u64,
}

impl Frame {
    pub fn new(frame: &gotrace::Frame<'_>) -> Self {
        Frame { func: frame.func.to_string(), file: frame.file.to_string(), line: frame.line }
    }
}

/// An event: its first line and its stacks.
#[derive(Clone, Debug, Default)]
pub struct Event {
    pub line: String,
    pub time: i64,
    pub thread: Option<u64>,
    pub proc: Option<u64>,
    pub go: Option<u64>,
    pub kind: String,
    pub own_stack: Vec<Frame>,
    pub stack: Vec<Frame>,
}

impl Event {
    /// The value of `KEY=`, up to the next space.
    pub fn field(&self, key: &str) -> Option<&str> {
        let (_, rest) = self.line.split_once(&format!(" {key}="))?;
        rest.split(' ').next()
    }

    /// The value of `KEY="…"`, without escapes.
    pub fn quoted(&self, key: &str) -> Option<&str> {
        let (_, rest) = self.line.split_once(&format!(" {key}=\""))?;
        rest.split('"').next()
    }

    pub fn number(&self, key: &str) -> Option<u64> {
        id(self.field(key)?)
    }
}

/// An ID, `None` for -1.
fn id(text: &str) -> Option<u64> {
    let id: i64 = text.parse().ok()?;
    (id != -1).then_some(id as u64)
}

pub fn events(text: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut own = false;
    let mut func = "";
    for line in text.lines() {
        if line.starts_with("M=") {
            let mut fields = line.split(' ');
            let mut next = |key: &str| id(fields.next().expect("a field").strip_prefix(key).expect("its key"));
            let (thread, proc, go) = (next("M="), next("P="), next("G="));
            let kind = fields.next().expect("a kind").to_owned();
            let time = fields.next().and_then(|field| field.strip_prefix("Time=")?.parse().ok()).expect("a time");
            let line = line.to_owned();
            events.push(Event { line, time, thread, proc, go, kind, own_stack: vec![], stack: vec![] });
        } else if line == "TransitionStack=" {
            own = true;
        } else if line == "Stack=" {
            own = false;
        } else if let Some(place) = line.strip_prefix("\t\t") {
            let (file, number) = place.rsplit_once(':').expect("a line number");
            let line = number.parse().expect("a number");
            let frame = Frame { func: func.to_owned(), file: file.to_owned(), line };
            let event = events.last_mut().expect("an event has the stack");
            if own { &mut event.own_stack } else { &mut event.stack }.push(frame);
        } else if let Some(function) = line.strip_prefix('\t') {
            func = function.rsplit_once(" @ 0x").expect("a PC").0;
        }
    }
    events
}

/// A goroutine's change of state.
#[derive(Clone, Debug)]
pub struct Transition {
    pub time: i64,
    pub proc: Option<u64>,
    pub thread: Option<u64>,
    /// The goroutine that changes its state.
    pub go: u64,
    pub from: String,
    pub to: String,
    pub reason: String,
    pub own_stack: Vec<Frame>,
    pub stack: Vec<Frame>,
    /// The goroutine that was running on the thread.
    pub by: Option<u64>,
}

/// The times of the first and last event, and all transitions of goroutines.
pub fn transitions(text: &str) -> ((i64, i64), Vec<Transition>) {
    let events = events(text);
    let times = (events.first().expect("an event").time, events.last().expect("an event").time);
    let transitions = events.into_iter().filter_map(|event| {
        let go = event.number("GoID")?;
        let (from, to) = event.line.split(' ').find_map(|field| field.split_once("->"))?;
        Some(Transition {
            time: event.time,
            proc: event.proc,
            thread: event.thread,
            go,
            from: from.to_owned(),
            to: to.to_owned(),
            reason: event.quoted("Reason")?.to_owned(),
            own_stack: event.own_stack.clone(),
            stack: event.stack.clone(),
            by: event.go,
        })
    });
    (times, transitions.collect())
}
