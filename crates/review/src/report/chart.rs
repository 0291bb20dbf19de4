//! The trend as a picture: SVG that stands in a page, without script. Colours are classes, which the page's style gives.

use diagnostic::grouped;
use std::fmt::Write as _;

use super::page::escaped;
use super::trend::{Trend, length};
use super::{Report, text};
use crate::wording::{moment, short};

/// Units of the picture, which is drawn as wide as the page allows.
const WIDTH: u64 = 960;
const HEIGHT: u64 = 240;
/// Room for the numbers at the side, the times below, the marks above.
const LEFT: u64 = 64;
const BELOW: u64 = 28;
const ABOVE: u64 = 20;

impl Report {
    /// The chart; a sentence when there is nothing to draw.
    pub(super) fn chart(&self) -> String {
        let trend = &self.trend;
        let steps = trend.whole();
        let most = steps.iter().map(|step| step.counts.denials().saturating_add(step.counts.allowed)).max();
        let (Some(most @ 1..), Some(first), Some(last)) = (most, steps.first(), steps.last()) else {
            return "<p class=\"quiet\">No decision is in this period.</p>\n".to_owned();
        };
        let top = round_up(most);
        let slot = (WIDTH - LEFT) as f64 / steps.len() as f64;
        let height = |count: u64| count as f64 / top as f64 * (HEIGHT - ABOVE - BELOW) as f64;
        let base = (HEIGHT - BELOW) as f64;
        let mut drawn = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Decisions over time, each bar {}\">\n",
            length(trend.step_seconds)
        );
        for share in 0..=2 {
            let count = top / 2 * share;
            let y = base - height(count);
            let _ = writeln!(
                drawn,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/><text class=\"axis\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8,
                y + 4.0,
                grouped(count)
            );
        }
        for (index, step) in steps.iter().enumerate() {
            let (x, counts) = (LEFT as f64 + slot * index as f64, step.counts);
            let mut y = base;
            let _ = write!(
                drawn,
                "<g><title>{}: {} denied, {} only counted, {} allowed</title><rect class=\"hover\" x=\"{x:.1}\" y=\"{ABOVE}\" width=\"{slot:.1}\" height=\"{:.1}\"/>",
                moment(&step.from),
                grouped(counts.denied),
                grouped(counts.counted),
                grouped(counts.allowed),
                base - ABOVE as f64
            );
            for (class, count) in
                [("denied", counts.denied), ("counted", counts.counted), ("allowed", counts.allowed)]
            {
                if count > 0 {
                    // What is there is seen, however little it is beside the rest.
                    let tall = height(count).max(1.5);
                    y -= tall;
                    let (left, wide) = (x + slot * 0.1, (slot * 0.8).max(1.0));
                    let _ = write!(
                        drawn,
                        "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{tall:.1}\"/>"
                    );
                }
            }
            drawn.push_str("</g>\n");
        }
        self.marks(&mut drawn, trend, first.second, slot, steps.len());
        let ends = [(LEFT, "start", first), (WIDTH, "end", last)];
        for (x, anchor, step) in ends.into_iter().take(if steps.len() > 1 { 2 } else { 1 }) {
            let _ = writeln!(
                drawn,
                "<text class=\"axis\" x=\"{x}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                HEIGHT - 8,
                moment(&step.from)
            );
        }
        drawn.push_str("</svg>\n");
        let _ = writeln!(
            drawn,
            "<p class=\"legend\"><span class=\"key denied\">■</span> denied <span class=\"key counted\">■</span> denied, only counted <span class=\"key allowed\">■</span> allowed <span class=\"key mark\">▼</span> policies changed; each bar is {}</p>",
            length(trend.step_seconds)
        );
        drawn
    }

    /// Where other policies came into force.
    fn marks(&self, drawn: &mut String, trend: &Trend, first: u64, slot: f64, steps: usize) {
        for load in self.loads.rows.iter().filter(|load| load.changed) {
            let offset = load.second.saturating_sub(first) as f64 / trend.step_seconds as f64;
            if load.second < first || offset > steps as f64 {
                continue;
            }
            let x = LEFT as f64 + slot * offset;
            let burst = text::burst(load).map_or_else(String::new, |burst| format!(": {burst}"));
            let said = format!("{} policies {}{burst}", moment(&load.at.ts), short(&load.policy_set));
            let _ = writeln!(
                drawn,
                "<g><title>{}</title><line class=\"mark\" x1=\"{x:.1}\" y1=\"{ABOVE}\" x2=\"{x:.1}\" y2=\"{}\"/><text class=\"mark\" x=\"{x:.1}\" y=\"14\" text-anchor=\"middle\">▼</text></g>",
                escaped(&said),
                HEIGHT - BELOW
            );
        }
    }
}

/// The number at the top of the axis: even, and not far above the greatest.
fn round_up(most: u64) -> u64 {
    let mut scale = 1_u64;
    while scale <= most / 10 {
        scale *= 10;
    }
    let step = [2, 4, 6, 8, 10].into_iter().find(|step| scale.saturating_mul(*step) >= most);
    step.map_or(most, |step| scale.saturating_mul(step))
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn the_axis_ends_at_an_even_number_over_the_greatest() {
        for (most, expected) in
            [(1, 2), (2, 2), (9, 10), (10, 20), (11, 20), (340, 400), (999, 1_000), (u64::MAX, u64::MAX)]
        {
            assert_eq!(round_up(most), expected, "{most}");
        }
    }
}
