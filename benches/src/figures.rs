//! What a duel comes to: medians, and ratios taken within each round.

use std::fmt::Write as _;

use crate::address::Transport;
use crate::duel::Lane;
use crate::peer::Name;

/// One line of the table.
pub(crate) struct Figures {
    name: Name,
    transport: Transport,
    median_ns: f64,
    p10_ns: f64,
    /// To the floor of the same round: the quartiles and the median. None if the floor did not run.
    ratio: Option<[f64; 3]>,
}

impl Figures {
    pub(crate) fn of(lanes: &[Lane], transport: Transport) -> Vec<Self> {
        let floor = lanes.iter().find(|lane| lane.name == Name::Floor);
        let figures = |lane: &Lane| {
            let ratio = floor.map(|floor| {
                let pairs = lane.nanos.iter().zip(&floor.nanos);
                let ratios: Vec<f64> = pairs.map(|(nanos, floor)| nanos / floor).collect();
                [25, 50, 75].map(|percent| percentile(&ratios, percent))
            });
            let (median_ns, p10_ns) = (percentile(&lane.nanos, 50), percentile(&lane.nanos, 10));
            Self { name: lane.name, transport, median_ns, p10_ns, ratio }
        };
        lanes.iter().map(figures).collect()
    }

    /// A line of JSON, for programs.
    pub(crate) fn json(&self) -> String {
        let mut line = format!(
            r#"{{"peer":"{}","workload":"W1","transport":"{}","median_ns":{:.0},"p10_ns":{:.0},"ratio":"#,
            self.name.text(),
            self.transport.name(),
            self.median_ns,
            self.p10_ns
        );
        let _ = match self.ratio {
            Some([_, median, _]) => write!(line, "{median:.4}}}"),
            None => write!(line, "null}}"),
        };
        line
    }
}

/// The table for people.
pub(crate) fn table(figures: &[Figures]) -> String {
    let mut text = format!(
        "{:<9} {:<17} {:>10} {:>8} {:>8}  {}\n",
        "transport", "peer", "median µs", "p10 µs", "× floor", "middle half of the rounds"
    );
    for line in figures {
        let _ = write!(
            text,
            "{:<9} {:<17} {:>10.2} {:>8.2}",
            line.transport.name(),
            line.name.text(),
            line.median_ns / 1e3,
            line.p10_ns / 1e3
        );
        if let Some([low, median, high]) = line.ratio {
            let _ = write!(text, " {median:>8.3}  {low:.3} to {high:.3}");
        }
        text.push('\n');
    }
    text
}

/// The value that `percent` of a hundred do not exceed; 0 if there is none.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values = [5.0, 1.0, 3.0, 2.0, 4.0];
        let at = [0, 10, 50, 75, 100].map(|percent| percentile(&values, percent).to_string());
        assert_eq!(at, ["1", "1", "3", "4", "5"]);
        assert_eq!(percentile(&[], 50).to_string(), "0");
    }
}
