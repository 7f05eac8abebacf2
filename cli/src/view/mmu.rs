//! The curve of the minimum mutator utilization: as text, JSON and a picture.

use std::io::{self, Write};

use gotrace::analysis::MutatorUtilization;
use serde::Serialize;

use super::analysis::time;

/// MMU and the 5th and 50th percentile of the mutator utilization, by window. Schema: `gotrace::analysis::json`.
#[derive(Serialize)]
pub struct MmuCurve {
    schema: u32,
    duration_ns: i64,
    points: Vec<Point>,
}

#[derive(Serialize)]
struct Point {
    window_ns: i64,
    mmu: f64,
    p5: f64,
    p50: f64,
}

/// Windows a decade.
const STEPS: i32 = 6;

impl MmuCurve {
    /// From a microsecond to the length of the trace.
    pub fn new(utilization: &MutatorUtilization) -> Self {
        let duration = utilization.duration();
        let windows = (0..).map(|i| (1000.0 * 10_f64.powf(f64::from(i) / f64::from(STEPS))).round() as i64);
        let windows = windows.take_while(|&window| window < duration).chain((duration > 0).then_some(duration));
        let points = windows.map(|window| {
            let quantiles = utilization.mud(window, &[0.05, 0.5]);
            Point { window_ns: window, mmu: utilization.mmu(window), p5: quantiles[0], p50: quantiles[1] }
        });
        MmuCurve { schema: 1, duration_ns: duration, points: points.collect() }
    }

    pub fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{:>12} {:>9} {:>9} {:>9}", "window", "MMU", "p5", "p50")?;
        for Point { window_ns, mmu, p5, p50 } in &self.points {
            let bar = "█".repeat((mmu * 50.0).round() as usize);
            let percent = [mmu, p5, p50].map(|part| format!("{:>7.2} %", part * 100.0)).join(" ");
            writeln!(out, "{}", format!("{:>12} {percent}  {bar}", time(*window_ns)).trim_end())?;
        }
        Ok(())
    }

    /// Writes a picture: the window to the right on a logarithmic scale, the utilization up.
    pub fn write_svg(&self, out: &mut impl Write) -> io::Result<()> {
        const WIDTH: f64 = 720.0;
        const HEIGHT: f64 = 360.0;
        const MARGIN: f64 = 60.0;
        let last = self.points.last().map_or(10_000.0, |point| point.window_ns as f64).max(10_000.0);
        let decades = last.log10() - 3.0;
        let x = |window: f64| MARGIN + (window.log10() - 3.0) / decades * WIDTH;
        let y = |part: f64| MARGIN / 2.0 + (1.0 - part) * HEIGHT;
        let (width, height) = (WIDTH + 1.5 * MARGIN, HEIGHT + 1.5 * MARGIN);
        writeln!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">"##
        )?;
        writeln!(out, r##"<title>Minimum mutator utilization</title><rect width="100%" height="100%" fill="#fff"/>"##)?;
        for tenth in (0..=10).step_by(2) {
            let (at, percent) = (y(f64::from(tenth) / 10.0), tenth * 10);
            let end = MARGIN + WIDTH;
            writeln!(out, r##"<path d="M{MARGIN} {at:.1}H{end}" stroke="#ddd"/>"##)?;
            let text = at + 4.0;
            writeln!(out, r##"<text x="{}" y="{text:.1}" text-anchor="end">{percent} %</text>"##, MARGIN - 6.0)?;
        }
        for power in 3..=(last.log10().floor() as i32) {
            let at = x(10_f64.powi(power));
            let (top, bottom) = (y(1.0), y(0.0));
            writeln!(out, r##"<path d="M{at:.1} {top:.1}V{bottom:.1}" stroke="#ddd"/>"##)?;
            let label = time(10_i64.pow(power.unsigned_abs())).replace(".000", "").replace(".00", "").replace(".0", "");
            writeln!(out, r##"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{label}</text>"##, bottom + 18.0)?;
        }
        type Of = fn(&Point) -> f64;
        let curves: [(&str, &str, Of); 3] = [
            ("#c33", "minimum", |point| point.mmu),
            ("#e90", "5th percentile", |point| point.p5),
            ("#39c", "median", |point| point.p50),
        ];
        for (i, (colour, name, of)) in curves.into_iter().enumerate() {
            let points =
                self.points.iter().map(|point| format!("{:.1},{:.1}", x(point.window_ns as f64), y(of(point))));
            let points: Vec<_> = points.collect();
            let points = points.join(" ");
            writeln!(out, r##"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>"##)?;
            let (at, line) = (MARGIN + 12.0, MARGIN / 2.0 + 16.0 + 16.0 * i as f64);
            writeln!(out, r##"<text x="{at}" y="{line}" fill="{colour}">{name}</text>"##)?;
        }
        let (middle, bottom) = (MARGIN + WIDTH / 2.0, y(0.0) + 38.0);
        writeln!(out, r##"<text x="{middle}" y="{bottom}" text-anchor="middle">length of the window</text>"##)?;
        writeln!(out, "</svg>")
    }
}
