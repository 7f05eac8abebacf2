//! Chooses samples by the functions, files and labels that they contain.

use std::fmt;

use super::error::ProfileError;
use super::model::{LabelValue, SampleLabel};
use super::profile::Profile;
use super::sample::Sample;
use crate::event::Text;

type Matches<'f> = Box<dyn Fn(&str) -> bool + 'f>;

/// Chooses samples by the functions, files and labels that they contain, as the options `-focus`,
/// `-ignore` and `-tagfocus` of `go tool pprof` do. The default chooses all samples.
///
/// ```
/// use gotrace::pprof::{By, Profile, Report, SampleFilter};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/leaks/captures/go1.27/chansend/heap.3.pb.gz");
/// let profile = Profile::from_path(path)?;
/// let filter = SampleFilter::default().focus(|name| name.contains("askSupplier"));
/// let report = Report::with_filter(&profile, By::Function, &filter)?;
/// let all = Report::new(&profile, By::Function)?;
/// assert!(report.top(3).len() < all.top(3).len());
/// assert_eq!(report.total(), all.total());
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct SampleFilter<'f> {
    focus: Option<Matches<'f>>,
    ignore: Option<Matches<'f>>,
    tag: Option<Matches<'f>>,
}

impl fmt::Debug for SampleFilter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SampleFilter { focus, ignore, tag } = self;
        let mut debug = f.debug_struct("SampleFilter");
        debug.field("focus", &focus.is_some()).field("ignore", &ignore.is_some()).field("tag", &tag.is_some());
        debug.finish()
    }
}

impl<'f> SampleFilter<'f> {
    /// Chooses only samples whose stack has a function or a file that matches. A mapped file, such as the path of the
    /// program, matches too.
    #[must_use]
    pub fn focus(mut self, matches: impl Fn(&str) -> bool + 'f) -> Self {
        self.focus = Some(Box::new(matches));
        self
    }

    /// Leaves out samples whose stack has a function or a file that matches.
    #[must_use]
    pub fn ignore(mut self, matches: impl Fn(&str) -> bool + 'f) -> Self {
        self.ignore = Some(Box::new(matches));
        self
    }

    /// Chooses only samples with a label that matches, given as `key:value`.
    #[must_use]
    pub fn label(mut self, matches: impl Fn(&str) -> bool + 'f) -> Self {
        self.tag = Some(Box::new(matches));
        self
    }

    /// Applies the filter to the locations of a profile, so that samples are chosen by their locations.
    pub(super) fn of(&self, profile: &Profile<'_>) -> LocationFilter<'_> {
        let apply = |matches: &Option<Matches<'f>>| {
            let matches = matches.as_ref()?;
            Some(profile.locations().map(|location| is_match(&location, matches)).collect())
        };
        LocationFilter { focus: apply(&self.focus), ignore: apply(&self.ignore), tag: self.tag.as_deref() }
    }
}

fn is_match(location: &super::ProfileLocation<'_>, matches: &dyn Fn(&str) -> bool) -> bool {
    let text = |text: Text<'_>| matches(&text.to_str_lossy());
    let mapping = location.mapping().is_some_and(|mapping| text(mapping.file));
    mapping || location.lines().any(|line| text(line.function.name) || text(line.function.file))
}

/// A filter applied to the locations of a profile.
pub(super) struct LocationFilter<'f> {
    /// For each location, whether it matches. `None` without such a condition.
    focus: Option<Vec<bool>>,
    ignore: Option<Vec<bool>>,
    tag: Option<&'f (dyn Fn(&str) -> bool + 'f)>,
}

impl LocationFilter<'_> {
    /// Returns whether a sample is chosen.
    ///
    /// # Errors
    ///
    /// Errors in the labels of the sample.
    pub fn keeps(&self, sample: &Sample<'_, '_>) -> Result<bool, ProfileError> {
        let has = |matching: &[bool]| sample.places().iter().any(|&place| matching[place as usize]);
        let is_focused = self.focus.as_deref().is_none_or(has);
        let is_ignored = self.ignore.as_deref().is_some_and(has);
        if !is_focused || is_ignored {
            return Ok(false);
        }
        let Some(matches) = self.tag else { return Ok(true) };
        let mut labels = sample.labels();
        while let Some(label) = labels.next_label()? {
            if matches(&text_of(&label)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn text_of(label: &SampleLabel<'_>) -> String {
    match &label.value {
        LabelValue::Text(value) => format!("{}:{value}", label.key),
        LabelValue::Number { value, unit } => format!("{}:{value}{unit}", label.key),
    }
}
