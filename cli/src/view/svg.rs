//! Diagrams as SVG.

use std::io::{self, Write};
use std::time::Duration;

use gotrace::analysis::mmu::{MmuCurve, MmuPoint};

fn nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

/// A power of ten of nanoseconds, such as `10 ms`.
fn decade(power: i32) -> String {
    let unit = ["ns", "µs", "ms", "s"].get((power / 3).unsigned_abs() as usize);
    match unit {
        Some(unit) => format!("{} {unit}", 10_u32.pow((power % 3).unsigned_abs())),
        None => format!("{} s", 10_u64.pow((power - 9).unsigned_abs())),
    }
}

/// Draws the MMU curve: the window length on a logarithmic x-axis, the utilization on the y-axis.
pub fn mmu(curve: &MmuCurve, out: &mut impl Write) -> io::Result<()> {
    const WIDTH: f64 = 720.0;
    const HEIGHT: f64 = 360.0;
    const MARGIN: f64 = 60.0;
    let last = curve.points.last().map_or(10_000.0, |point| nanos(point.window)).max(10_000.0);
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
        let label = decade(power);
        writeln!(out, r##"<text x="{at:.1}" y="{:.1}" text-anchor="middle">{label}</text>"##, bottom + 18.0)?;
    }
    type Of = fn(&MmuPoint) -> f64;
    let curves: [(&str, &str, Of); 3] = [
        ("#c33", "minimum", |point| point.mmu),
        ("#e90", "5th percentile", |point| point.p5),
        ("#39c", "median", |point| point.p50),
    ];
    for (i, (colour, name, of)) in curves.into_iter().enumerate() {
        let points = curve.points.iter().map(|point| format!("{:.1},{:.1}", x(nanos(point.window)), y(of(point))));
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
