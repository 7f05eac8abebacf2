//! The goroutines of a group that come and stay, compared with the older ones that go.
//!
//! In a steady state, as many goroutines come as go. This is also true of goroutines older than any
//! age `a`, however long goroutines live. Two numbers are equal on average:
//!
//! - come: the goroutines that were created in the trace, and are alive and older than `a` at its
//!   end,
//! - gone: the goroutines that are older than the trace, and exit more than `a` after its start.
//!
//! For `a` = 0, the difference of these numbers is that of all arrivals and all departures. For a
//! larger `a`, goroutines that live for less than `a` are in neither number. So a leak of a few
//! goroutines is visible among thousands of short requests.

use super::growth::{Growth, NEGLIGIBLE, deviations};
use super::options::Options;
use crate::analysis::population::{self, PopulationGroup, PopulationReport};

/// The ages to try, in nanoseconds. An age has to be at most half of the trace's length.
const AGES: [i64; 10] = [
    0,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    4_000_000_000,
    8_000_000_000,
    16_000_000_000,
    32_000_000_000,
    64_000_000_000,
];

/// The trace is split into this many parts to see whether the number rises in all of them.
const PARTS: usize = 8;

/// The trace is split into this many parts to find the start of growth that begins during the
/// trace.
const FINE_PARTS: usize = 16;

/// Growth has to continue for at least this many of these parts.
const MIN_LATE_PARTS: usize = 4;

/// One of several possible starts may show growth by chance, so late growth needs this many
/// standard deviations more.
const LATE_DEVIATIONS: f64 = 0.5;

/// The growth of a group of goroutines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stayers {
    /// The smallest age of the goroutines that are compared, in nanoseconds.
    pub age: i64,
    /// The number that came and stayed.
    pub come: f64,
    /// The number that went.
    pub gone: f64,
    /// By how many standard deviations more came than went.
    pub deviations: f64,
    pub growth: Growth,
    /// The probability that the growth continues, see [`Growth::goes_on`].
    pub goes_on: f64,
    /// When the growth began, in nanoseconds after the trace's start; 0 if it began earlier.
    pub since: i64,
}

impl Stayers {
    /// Returns the growth of a group at the age at which it is clearest. `None` if the group does
    /// not grow by more than chance, or only for a while.
    pub fn of(population: &PopulationReport, group: &PopulationGroup, options: &Options) -> Option<Self> {
        let length = population.end.since(population.start);
        let stayed: i64 = group.stayed.iter().map(|window| window.goroutines).sum();
        // So few are chance, even if none are gone. Most groups end here.
        if deviations(stayed as f64, 0.0) < options.deviations {
            return None;
        }
        let ages = AGES.into_iter().filter(|&age| age == 0 || age <= length / 2);
        let found = ages.filter_map(|age| Flow::new(population, group, age).growing(options));
        found.max_by(|a, b| (a.goes_on * a.deviations).total_cmp(&(b.goes_on * b.deviations)))
    }
}

/// The arrivals and departures of goroutines of at least one age.
struct Flow {
    age: i64,
    /// The length of the time in which they arrive, in nanoseconds.
    length: i64,
    /// When how many arrived (positive) and departed (negative), in nanoseconds after the start of
    /// the trace.
    changes: Vec<(i64, i64)>,
    /// By how many the largest burst of exits exceeds the usual number of exits.
    burst: f64,
    /// The longest life of a goroutine that was created and exited in the trace, in nanoseconds.
    longest_life: i64,
    /// By how much the number of goroutines of all ages changed, and when.
    net: Vec<(i64, i64)>,
}

impl Flow {
    fn new(population: &PopulationReport, group: &PopulationGroup, age: i64) -> Self {
        let begin = population.start;
        let length = (population.end.since(begin) - age).max(1);
        let counts = |windows: &[population::GoroutineWindow]| -> Vec<(i64, i64)> {
            windows.iter().map(|window| (window.start.since(begin), window.goroutines)).collect()
        };
        let came = counts(&group.stayed).into_iter().filter(|&(at, _)| at <= length);
        // The goroutines that exited and are otherwise unknown may all have been in this group.
        let went = counts(&group.old_endings).into_iter().chain(counts(&population.unnamed_endings));
        let went = went.map(|(at, count)| (at - age, -count)).filter(|&(at, _)| at >= 0);
        let mut endings = [0_i64; FINE_PARTS];
        for (at, count) in counts(&group.endings) {
            endings[part(at, length + age, FINE_PARTS)] += count;
        }
        endings.sort_unstable();
        let (median, most) = (endings[FINE_PARTS / 2] as f64, endings[FINE_PARTS - 1] as f64);
        let burst = most - median - 3.0 * (median + 1.0).sqrt();
        let longest_life = i64::try_from(group.lifetimes.max().as_nanos()).unwrap_or(i64::MAX);
        let changes = came.chain(went).filter(|&(_, count)| count != 0).collect();
        Flow { age, length, changes, burst, longest_life, net: counts(&group.growth) }
    }

    /// Returns how many came and went at or after a time.
    fn since(&self, time: i64) -> (f64, f64) {
        let after = || self.changes.iter().filter(|&&(at, _)| at >= time).map(|&(_, count)| count);
        let come: i64 = after().filter(|count| *count > 0).sum();
        let gone: i64 = after().filter(|count| *count < 0).sum();
        (come as f64, -gone as f64)
    }

    /// Returns by how much the number had grown at the end of each of some equal parts.
    fn rise(&self, parts: usize) -> Vec<f64> {
        let mut sums = vec![0.0; parts + 1];
        let changes = if self.age == 0 { &self.net } else { &self.changes };
        for &(at, count) in changes {
            sums[part(at, self.length, parts) + 1] += count as f64;
        }
        for part in 1..sums.len() {
            sums[part] += sums[part - 1];
        }
        sums
    }

    fn growing(&self, options: &Options) -> Option<Stayers> {
        let (come, _) = self.since(0);
        // Goroutines that exit in a burst may also be created in a burst. The last burst may be
        // alive.
        if self.age > 0 && come <= 1.5 * self.burst {
            return None;
        }
        let whole = self.stayers(0, Growth::of(&[], &self.rise(PARTS))?, options.deviations, options);
        whole.or_else(|| self.late(options))
    }

    /// Returns the growth that begins during the trace and lasts until its end.
    ///
    /// In any group, most goroutines that are alive at the end were created late, since the earlier
    /// ones have exited. So only ages count that no goroutine reached that exited.
    fn late(&self, options: &Options) -> Option<Stayers> {
        if self.age < self.longest_life {
            return None;
        }
        let rise = self.rise(FINE_PARTS);
        let starts = (1..=FINE_PARTS - MIN_LATE_PARTS).filter_map(|first| {
            let since = self.length / FINE_PARTS as i64 * first as i64;
            let growth = Growth::of(&[], &rise[first..])?;
            self.stayers(since, growth, options.deviations + LATE_DEVIATIONS, options)
        });
        starts.max_by(|a, b| a.deviations.total_cmp(&b.deviations))
    }

    fn stayers(&self, since: i64, growth: Growth, least: f64, options: &Options) -> Option<Stayers> {
        let (come, gone) = self.since(since);
        let deviations = deviations(come, gone);
        let goes_on = growth.goes_on(1.0, options);
        let is_growing = deviations >= least && growth.is_steady && goes_on >= NEGLIGIBLE;
        is_growing.then_some(Stayers { age: self.age, come, gone, deviations, growth, goes_on, since })
    }
}

/// Returns the number of the part that contains a time.
fn part(at: i64, length: i64, parts: usize) -> usize {
    let part = (at.max(0) as f64 / length as f64 * parts as f64) as usize;
    part.min(parts - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Histogram;
    use crate::time::Time;

    const MILLI: i64 = 1_000_000;
    /// The length of the trace, in milliseconds.
    const LENGTH: i64 = 4000;

    /// The creation and the exit of each goroutine, in milliseconds after the start of the trace.
    /// Goroutines may be older than the trace, and may outlive it.
    fn population(lives: &[(i64, i64)]) -> PopulationReport {
        let mut group = PopulationGroup { lifetimes: Histogram::default(), ..PopulationGroup::default() };
        let at = |time: i64, goroutines: i64| population::GoroutineWindow { start: Time(time * MILLI), goroutines };
        for &(created, exited) in lives {
            let (is_new, ends) = (created >= 0, exited < LENGTH);
            if is_new {
                group.created += 1;
                group.growth.push(at(created, 1));
            }
            if ends {
                group.ended += 1;
                group.growth.push(at(exited, -1));
                group.endings.push(at(exited, 1));
            }
            match (is_new, ends) {
                (true, true) => group.lifetimes.add(std::time::Duration::from_millis((exited - created) as u64)),
                (true, false) => group.stayed.push(at(created, 1)),
                (false, true) => group.old_endings.push(at(exited, 1)),
                (false, false) => {}
            }
        }
        let end = Time(LENGTH * MILLI);
        PopulationReport { start: Time(0), end, groups: vec![group], ..PopulationReport::default() }
    }

    fn found(lives: &[(i64, i64)]) -> Option<Stayers> {
        let population = population(lives);
        Stayers::of(&population, &population.groups[0], &Options::default())
    }

    /// 600 requests a second, each of which takes 150 to 250 ms.
    fn requests() -> Vec<(i64, i64)> {
        let length = |number: i64| 150 + number * 37 % 100;
        let lives = (-180..2400).map(|number| (number * 10 / 6, number * 10 / 6 + length(number)));
        lives.filter(|(_, exited)| *exited >= 0).collect()
    }

    #[test]
    fn a_steady_load_is_none() {
        assert_eq!(found(&requests()), None);
        // However long they live: these live for three seconds of the four.
        let sessions: Vec<(i64, i64)> = (-149..200).map(|number| (number * 20, number * 20 + 3000)).collect();
        assert_eq!(found(&sessions), None);
    }

    #[test]
    fn a_few_that_stay_are_found_among_thousands_of_requests() {
        let mut lives = requests();
        lives.extend((0..20).map(|number| (number * 200, i64::MAX)));
        let found = found(&lives).expect("growth");
        assert!(found.age >= 250 * MILLI, "{found:?}");
        assert!(found.come >= 10.0 && found.gone == 0.0, "{found:?}");
        assert_eq!(found.since, 0);
    }

    #[test]
    fn goroutines_that_end_together_are_none() {
        // Batches of 40 that live for 900 ms and end together, the last of which is alive.
        let batches: Vec<(i64, i64)> =
            (-1..4).flat_map(|batch| (0..40).map(move |_| (batch * 1000 + 50, batch * 1000 + 950))).collect();
        let batches: Vec<(i64, i64)> = batches.into_iter().map(|(from, to)| (from + 500, to + 500)).collect();
        assert_eq!(found(&batches), None);
    }

    #[test]
    fn growth_that_begins_late_is_found_with_its_start() {
        let before = (0..2400).step_by(20).map(|at| (at, at + 5));
        let after = (2400..LENGTH).step_by(20).map(|at| (at, i64::MAX));
        let found = found(&before.chain(after).collect::<Vec<_>>()).expect("growth");
        assert!(found.since == 0 || (2000..2700).contains(&(found.since / MILLI)), "{found:?}");
        assert!(found.goes_on > 0.9, "{found:?}");
    }
}
