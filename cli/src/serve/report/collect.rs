//! Chooses what a report holds, and asks for it as the page would.
//!
//! Every part has its own room, so that a report stays small enough to be attached to a bug. What does not fit is
//! counted, and the page says so.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use gotrace::timeline::{LaneDetail, Lanes, Span};
use gotrace::{GoId, GoState, Time, Timeline};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::serve::api::view::Picture;
use crate::serve::api::{
    Answer, ask, goroutines, intervals, lanes, leak, marks, pprof, profile, reports, series, span, summary,
};
use crate::serve::session::{Loaded, SessionFile};
use crate::serve::source::SessionProfile;
use crate::view::units;

/// A trace of at most this many spans is included with all of them.
const SMALL: u64 = 1000;
/// Of a larger trace, the longest waits and the slowest tasks, whose goroutines and spans are included.
const WAITS: usize = 200;
const TASKS: usize = 50;
/// The longest spans of each of these tasks.
const SPANS_OF_TASK: usize = 10;
/// The longest waits of each goroutine of a finding.
const SPANS_OF_FOUND: usize = 3;
/// The goroutines that each group lists: fewer if there are many groups.
const MEMBERS: usize = 5000;
const MOST_MEMBERS: usize = 200;
/// The first of each group have lanes.
const MEMBERS_WITH_LANES: usize = 10;
/// The threads that have lanes.
const THREADS: usize = 64;
/// The goroutines whose groups are known in the lanes of Ps and threads.
const NAMES: usize = 10_000;

/// Lanes are this many pixels wide, or less if there are many.
const PIXELS: usize = 2000;
const FEWEST_PIXELS: usize = 250;
/// The length of a cell of a lane that changes in every cell, and the number of cells for each pixel.
const CELL_BYTES: usize = 20;
const CELLS_PER_PIXEL: usize = 2;
/// The width of series and bars.
const STRIP_PIXELS: usize = 1000;

/// The room for each part, in bytes. Lanes take a third more in the page.
const LANES_ROOM: usize = 6 << 20;
const DOCUMENT_ROOM: usize = 3 << 20;
const PROFILES_ROOM: usize = 2 << 20;
const GROUPS_ROOM: usize = 2 << 20;
const GOROUTINES_ROOM: usize = 2 << 20;
const SPANS_ROOM: usize = 3 << 20;

/// Returns the data of a report, a JSON text.
pub fn data(title: &str, command: &str, files: &[SessionFile], loaded: &Loaded) -> String {
    let mut report = Report { loaded, documents: String::new(), left_out: Vec::new() };
    report.add_profiles();
    let (mut names, mut lanes, mut series) = (Vec::new(), None, "null".to_owned());
    if let Ok(timeline) = loaded.timeline() {
        let chosen = Chosen::new(timeline, &report.goroutines_of_findings());
        report.add_whole_trace();
        report.add_groups(timeline);
        report.add_chosen(timeline, &chosen);
        let body;
        (names, body) = report.lanes(timeline, &chosen);
        lanes = Some(BASE64_STANDARD.encode(body));
        let query = format!("pixels={STRIP_PIXELS}&names={SERIES}");
        series = report.body("series", ask(loaded, series::series, &query));
    }
    let session = report.body("session", summary::ready(title, files, loaded));
    let Report { documents, left_out, .. } = report;
    let (names, left_out, lanes, command) = (json!(names), json!(left_out), json!(lanes), json!(command));
    format!(
        "{{\"session\":{session},\"command\":{command},\"left_out\":{left_out},\"documents\":{{{documents}}},\
         \"series\":{series},\"lane_names\":{names},\"lanes\":{lanes}}}"
    )
}

/// All series.
const SERIES: &str = "heap,goal,running,runnable,waiting,syscall,goroutines,gc_cpu,gomaxprocs";

/// The goroutines and spans that people look for first.
struct Chosen<'t> {
    goroutines: Vec<GoId>,
    spans: Vec<Span<'t>>,
}

impl<'t> Chosen<'t> {
    /// `found` are the goroutines of findings.
    fn new(timeline: &'t Timeline, found: &[GoId]) -> Self {
        let mut spans = longest(timeline);
        for goroutine in found.iter().filter_map(|&id| timeline.goroutine(id)) {
            let waits = goroutine.spans().filter(|span| span.state() == GoState::Waiting);
            spans.extend(span::longest(waits, SPANS_OF_FOUND));
        }
        if timeline.memory().spans <= SMALL {
            spans.extend(timeline.goroutines().flat_map(|goroutine| goroutine.spans()));
        }
        let mut seen = BTreeSet::new();
        spans.retain(|span| seen.insert((span.goroutine().id(), span.start())));
        let mut seen = BTreeSet::new();
        let of_spans = spans.iter().map(|span| span.goroutine().id());
        let goroutines = found.iter().copied().chain(of_spans).filter(|&id| seen.insert(id)).collect();
        Chosen { goroutines, spans }
    }

    /// Returns the goroutines that have a lane: the chosen ones, and the first of each group.
    fn with_lanes(&self, timeline: &Timeline) -> Vec<GoId> {
        let first = timeline.groups().flat_map(|group| goroutines::busiest(timeline, group, MEMBERS_WITH_LANES));
        let mut seen = BTreeSet::new();
        self.goroutines.iter().copied().chain(first).filter(|&id| seen.insert(id)).collect()
    }
}

/// Returns the longest waits, and the longest spans of the slowest tasks.
fn longest(timeline: &Timeline) -> Vec<Span<'_>> {
    let mut spans = span::longest_waits(timeline, timeline.start()..timeline.end(), None, WAITS);
    let mut tasks: Vec<_> = timeline.tasks().collect();
    tasks.sort_by_key(|task| (Reverse(task.duration()), task.id()));
    for task in tasks.iter().take(TASKS) {
        let Some(goroutine) = task.go().and_then(|id| timeline.goroutine(id)) else { continue };
        let start = task.start().unwrap_or(timeline.start());
        let during = goroutine.between(start..task.end().unwrap_or(timeline.end()));
        // A running span has nothing to add: neither a stack nor a waker.
        spans.extend(span::longest(during.filter(|span| span.state() != GoState::Running), SPANS_OF_TASK));
    }
    spans
}

/// A report that is being put together.
struct Report<'l> {
    loaded: &'l Loaded,
    /// Answers by name, as members of a JSON object.
    documents: String,
    /// Sentences about what is left out.
    left_out: Vec<String>,
}

impl Report<'_> {
    /// Returns the text of an answer. If there is none, it is `null` and the reason is noted.
    fn body(&mut self, what: &str, answer: Answer) -> String {
        let text = answer.map_err(|refusal| refusal.to_string()).and_then(|body| {
            let text = String::from_utf8(body).map_err(|error| error.to_string())?;
            match text.len() <= DOCUMENT_ROOM {
                true => Ok(text),
                false => Err(format!("it takes {}", units::bytes(text.len() as u64))),
            }
        });
        text.unwrap_or_else(|why| {
            self.left_out.push(format!("{what}: {why}"));
            "null".to_owned()
        })
    }

    fn push(&mut self, key: &str, body: &str) {
        let comma = if self.documents.is_empty() { "" } else { "," };
        self.documents.push_str(&format!("{comma}{}:{body}", json!(key)));
    }

    fn add<Q: DeserializeOwned>(&mut self, key: &str, answer: fn(&Loaded, Q) -> Answer, query: &str) {
        let body = self.body(key, ask(self.loaded, answer, query));
        self.push(key, &body);
    }

    /// Adds documents, given by their names and queries, while there is room for them.
    fn add_all<Q: DeserializeOwned>(
        &mut self,
        what: &str,
        room: usize,
        answer: fn(&Loaded, Q) -> Answer,
        requests: &[(String, String)],
    ) {
        let end = self.documents.len() + room;
        for (number, (key, query)) in requests.iter().enumerate() {
            let start = self.documents.len();
            self.add(key, answer, query);
            if self.documents.len() > end {
                self.documents.truncate(start);
                self.left_out.push(format!(
                    "{what}: {} of {} did not fit.",
                    units::count((requests.len() - number) as u64),
                    units::count(requests.len() as u64)
                ));
                return;
            }
        }
    }

    /// Adds the verdict on leaks, and the profiles.
    fn add_profiles(&mut self) {
        if self.loaded.has_evidence {
            self.add("leak", leak::leak, "");
        }
        let mut requests = Vec::new();
        for (id, SessionProfile { profile, .. }) in self.loaded.profiles.iter().enumerate() {
            let default = profile.default_sample_type();
            let request = |(index, kind): (usize, String)| {
                // The name comes from the profile, so it may have any characters.
                let escaped: String = kind.bytes().map(|byte| format!("%{byte:02x}")).collect();
                let query = format!("id={id}&type={escaped}");
                (default != Some(index), (format!("pprof/{id}/{kind}"), query))
            };
            requests.extend(profile.sample_types().map(|of| of.kind.to_string()).enumerate().map(request));
        }
        // What a profile shows first goes before its other values.
        requests.sort_by_key(|(is_other, _)| *is_other);
        let requests: Vec<_> = requests.into_iter().map(|(_, request)| request).collect();
        self.add_all("Profiles", PROFILES_ROOM, pprof::pprof, &requests);
    }

    /// Returns the goroutines that the verdict on leaks names.
    fn goroutines_of_findings(&self) -> Vec<GoId> {
        let leak = Some(self.loaded).filter(|loaded| loaded.has_evidence).and_then(|loaded| loaded.leak().ok());
        leak.iter()
            .flat_map(|leak| &leak.verdict.findings)
            .flat_map(|finding| finding.goroutines.iter().copied())
            .collect()
    }

    /// Adds what is about the whole trace.
    fn add_whole_trace(&mut self) {
        self.add("gc", reports::gc, "");
        self.add("tasks", reports::tasks, "");
        self.add("latency", reports::latency, "");
        self.add("waits", span::waits, &format!("limit={WAITS}"));
        self.add("marks", marks::marks, &format!("pixels={STRIP_PIXELS}"));
        for kind in ["tasks", "regions", "logs"] {
            let query = format!("kind={kind}&pixels={STRIP_PIXELS}");
            self.add(&format!("intervals/{kind}"), intervals::intervals, &query);
        }
        for of in ["running", "runnable", "waiting", "syscall", "network"] {
            self.add(&format!("profile/{of}"), profile::profile, &format!("of={of}&runtime=false"));
        }
        self.left_out.push("Profiles are of the whole trace, not of parts of it.".to_owned());
    }

    /// Adds the first goroutines of every group.
    fn add_groups(&mut self, timeline: &Timeline) {
        let groups = timeline.groups();
        let count = groups.len();
        let members = (MEMBERS / count.max(1)).clamp(1, MOST_MEMBERS);
        let request = |id| (format!("group/{id}"), format!("id={id}&limit={members}"));
        let requests: Vec<_> = groups.map(|group| request(group.number())).collect();
        self.add_all("Groups with their goroutines", GROUPS_ROOM, goroutines::group, &requests);
        if timeline.groups().any(|group| group.goroutines().len() > members) {
            self.left_out.push(format!("A group lists the {members} goroutines that ran longest."));
        }
    }

    /// Adds the chosen goroutines and spans.
    fn add_chosen(&mut self, timeline: &Timeline, chosen: &Chosen<'_>) {
        let requests: Vec<_> =
            chosen.goroutines.iter().map(|GoId(id)| (format!("goroutine/{id}"), format!("id={id}"))).collect();
        self.add_all("Goroutines in detail", GOROUTINES_ROOM, goroutines::goroutine, &requests);
        let request = |span: &Span<'_>| {
            let (GoId(id), Time(start)) = (span.goroutine().id(), span.start());
            (format!("span/{id}/{start}"), format!("goroutine={id}&at={start}"))
        };
        let requests: Vec<_> = chosen.spans.iter().map(request).collect();
        self.add_all("Spans in detail", SPANS_ROOM, span::span, &requests);
        let count = timeline.memory().spans;
        if count <= SMALL {
            return;
        }
        self.left_out.push(format!(
            "Stacks, wakers and details are there for the {WAITS} longest waits and the {TASKS} slowest tasks, and for findings: \
             {} of {} spans and {} of {} goroutines.",
            units::count(chosen.spans.len() as u64),
            units::count(count),
            units::count(chosen.goroutines.len() as u64),
            units::count(timeline.goroutines().len() as u64),
        ));
    }

    /// Returns lanes over the whole trace, in the form of `/api/lanes`, and their names. Adds the groups of the
    /// goroutines that they show.
    fn lanes(&mut self, timeline: &Timeline, chosen: &Chosen<'_>) -> (Vec<String>, Vec<u8>) {
        let mut names = vec!["gc".to_owned()];
        names.extend(timeline.procs().map(|proc| format!("proc:{}", proc.id().0)));
        names.extend(timeline.groups().map(|group| format!("group:{}", group.number())));
        let pixels = LANES_ROOM / (CELL_BYTES * CELLS_PER_PIXEL * names.len());
        let pixels = pixels.clamp(FEWEST_PIXELS, PIXELS);
        names.extend(timeline.threads().take(THREADS).map(|thread| format!("thread:{}", thread.id().0)));
        names.extend(chosen.with_lanes(timeline).iter().map(|GoId(id)| format!("goroutine:{id}")));

        let picture = Picture::new(None, None, Some(pixels));
        let answer = lanes::encode(timeline, picture, names.iter().map(String::as_str), LANES_ROOM);
        let (body, count) = answer.unwrap_or_default();
        if count < names.len() {
            let missing = units::count((names.len() - count) as u64);
            self.left_out.push(format!("Lanes: {missing} of {} did not fit.", units::count(names.len() as u64)));
            names.truncate(count);
        }
        if timeline.threads().len() > THREADS {
            let threads = units::count(timeline.threads().len() as u64);
            self.left_out.push(format!("Lanes of threads: {THREADS} of {threads}."));
        }
        let lanes = timeline.lanes(timeline.start()..timeline.end(), pixels);
        let cell = units::duration(std::time::Duration::from_nanos(1 << lanes.cell_shift()));
        self.left_out.push(format!("Lanes show {cell} as one cell at every zoom."));
        let shown = goroutines_shown(timeline, &lanes).into_iter().chain(chosen.goroutines.iter().copied());
        let answer = goroutines::names_of(timeline, shown);
        let body_of_names = self.body("names", answer);
        self.push("names", &body_of_names);
        (names, body)
    }
}

/// Returns the goroutines that the lanes of Ps and threads show, those first that they show most.
fn goroutines_shown(timeline: &Timeline, lanes: &Lanes<'_>) -> Vec<GoId> {
    let mut cells: HashMap<GoId, usize> = HashMap::new();
    let procs = timeline.procs().filter_map(|proc| lanes.proc(proc.id()));
    let threads = timeline.threads().take(THREADS).filter_map(|thread| lanes.thread(thread.id()));
    for cell in procs.chain(threads).flatten() {
        if let Some(LaneDetail::Goroutine(id)) = cell.detail() {
            *cells.entry(id).or_default() += 1;
        }
    }
    let mut shown: Vec<(GoId, usize)> = cells.into_iter().collect();
    shown.sort_by_key(|&(id, count)| (Reverse(count), id));
    shown.into_iter().map(|(id, _)| id).take(NAMES).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use gotrace_tests::corpus::{sample, testdata};

    use super::*;
    use crate::serve::report::page;
    use crate::serve::{Phase, Session};

    /// Loads files and returns the page of their report, and its data.
    fn report(files: &[PathBuf]) -> (String, serde_json::Value) {
        let (session, opened) = Session::open(files).expect("files of a program");
        session.load(opened);
        let Phase::Ready(loaded) = session.phase() else { panic!("the files cannot be loaded") };
        let text = data("a title", "gotrace view FILE", &session.files, loaded);
        let value = serde_json::from_str(&text).expect("JSON");
        (page::with(&text), value)
    }

    /// A function's name with markup ends neither the data nor the page.
    #[test]
    fn hostile_names_stay_in_the_data() {
        let (name, hostile) = ("net/http.(*connReader).backgroundRead", "</script><img src=x onerror=alert(1)>");
        let mut trace = sample("go1.27/http").bytes();
        let found = trace.windows(name.len()).position(|part| part == name.as_bytes()).expect("a function");
        trace[found..found + name.len()].copy_from_slice(hostile.as_bytes());
        let path = std::env::temp_dir().join(format!("gotrace-report-{}.trace", std::process::id()));
        std::fs::write(&path, trace).expect("the folder for temporary files can be written");
        let (page, data) = report(std::slice::from_ref(&path));
        std::fs::remove_file(&path).expect("it was written");
        assert!(data["session"]["trace"]["groups"].as_array().expect("groups").iter().any(|it| it["name"] == hostile));
        assert!(!page.contains("<img"), "the name is markup");
        assert_eq!(page.matches("</script").count(), 2, "the data and the script have one end each");
    }

    /// What the page asks for by ID is there under the key by which `embedded.js` looks.
    #[test]
    fn the_longest_waits_have_their_spans_goroutines_groups_and_lanes() {
        let (page, data) = report(&[sample("go1.27/http").path]);
        let documents = &data["documents"];
        let waits = documents["waits"]["waits"].as_array().expect("waits");
        assert!(waits.len() > 50);
        for wait in waits {
            let (id, start) = (&wait["goroutine"], &wait["start_ns"]);
            assert_eq!(documents[format!("span/{id}/{start}")]["span"]["end_ns"], wait["end_ns"]);
            let goroutine = &documents[format!("goroutine/{id}")];
            assert_eq!(goroutine["function"], wait["function"]);
            let group = &documents[format!("group/{}", goroutine["group"])];
            assert!(group["rows"].as_array().expect("rows").iter().any(|row| row["goroutine"] == *id));
            let lanes = data["lane_names"].as_array().expect("names");
            assert!(lanes.iter().any(|lane| *lane == format!("goroutine:{id}")));
        }
        let count = |kind| documents.as_object().expect("documents").keys().filter(|key| key.starts_with(kind)).count();
        assert_eq!(count("goroutine/") as u64, data["session"]["trace"]["goroutine_count"].as_u64().expect("a number"));
        // All but those that others of the same goroutine hide, since they start at the same time.
        assert!(count("span/") > 600);
        let missing = documents.as_object().expect("documents").iter().find(|(_, document)| document.is_null());
        assert_eq!(missing, None);
        // Most of it is stacks: the trace has 36 goroutines and 700 spans.
        assert!(page.len() < 6 << 20, "{} bytes", page.len());
    }

    /// Profiles are shown by their type, and the goroutines that leak have details.
    #[test]
    fn the_verdict_its_goroutines_and_all_profiles_are_included() {
        let (_, data) = report(&[testdata().join("leaks/captures/go1.27/appendcache")]);
        assert_eq!(data["documents"]["leak"]["verdict"]["verdict"], "leak");
        for profile in data["session"]["profiles"].as_array().expect("profiles") {
            for kind in profile["types"].as_array().expect("types") {
                let key = format!("pprof/{}/{}", profile["id"], kind.as_str().expect("a name"));
                assert!(data["documents"][&key]["nodes"].is_object(), "{key}");
            }
        }
        let (_, data) = report(&[testdata().join("leaks/captures/go1.27/chansend")]);
        let findings = data["documents"]["leak"]["verdict"]["findings"].as_array().expect("findings");
        let goroutines = findings.iter().flat_map(|finding| finding["goroutines"].as_array().expect("goroutines"));
        let named: Vec<String> = goroutines.map(|id| format!("goroutine/{id}")).collect();
        assert!(!named.is_empty());
        assert_eq!(named.iter().find(|key| !data["documents"][*key].is_object()), None);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let path = sample("go1.27/http").path;
        let (session, opened) = Session::open(std::slice::from_ref(&path)).expect("a trace");
        session.load(opened);
        let Phase::Ready(loaded) = session.phase() else { panic!("the trace cannot be loaded") };
        let mut report = Report { loaded, documents: String::new(), left_out: Vec::new() };
        let requests: Vec<_> = (0..5).map(|id| (format!("group/{id}"), format!("id={id}"))).collect();
        report.add_all("Groups", 1500, goroutines::group, &requests);
        assert!(report.documents.len() <= 1500 && report.documents.contains("group/0"), "{}", report.documents);
        let kept = report.documents.matches("\"group/").count();
        assert_eq!(report.left_out, [format!("Groups: {} of 5 did not fit.", 5 - kept)]);
    }
}
