//! What a duel comes to: medians, and ratios taken within each round.

use std::fmt::Write as _;

use crate::address::Transport;
use crate::duel::Lane;
use crate::peer::Peer;
use crate::workload::Workload;

/// One line of a table.
pub(crate) struct Figures {
    peer: Peer,
    workload: &'static str,
    transport: Transport,
    median_ns: f64,
    p10_ns: f64,
    /// To the base of the same round: the quartiles and the median. None if the base did not run.
    ratio: Option<[f64; 3]>,
    /// What the median must not exceed.
    most: Option<f64>,
    remark: Option<String>,
}

impl Figures {
    pub(crate) fn of(lanes: &[Lane], workload: &Workload, transport: Transport) -> Vec<Self> {
        let base = lanes.iter().find(|lane| lane.peer == workload.base);
        let figures = |lane: &Lane| {
            let ratio = base.map(|base| {
                let pairs = lane.nanos.iter().zip(&base.nanos);
                let ratios: Vec<f64> = pairs.map(|(nanos, base)| nanos / base).collect();
                [25, 50, 75].map(|percent| percentile(&ratios, percent))
            });
            let (median_ns, p10_ns) = (percentile(&lane.nanos, 50), percentile(&lane.nanos, 10));
            let most = workload.most.filter(|_| lane.peer.is_ours());
            let (peer, most) = (lane.peer, most.map(|most| most.over(transport)));
            let remark = lane.remark.clone();
            Self {
                peer,
                workload: workload.name,
                transport,
                median_ns,
                p10_ns,
                ratio,
                most,
                remark,
            }
        };
        lanes.iter().map(figures).collect()
    }

    /// A line of JSON, for programs.
    pub(crate) fn json(&self) -> String {
        let mut line = format!(
            r#"{{"peer":"{}","workload":"{}","transport":"{}","median_ns":{:.0},"p10_ns":{:.0},"ratio":"#,
            self.peer.name(),
            self.workload,
            self.transport.name(),
            self.median_ns,
            self.p10_ns
        );
        let _ = match self.ratio {
            Some([_, median, _]) => write!(line, "{median:.4}"),
            None => write!(line, "null"),
        };
        if let Some(remark) = &self.remark {
            let _ = write!(line, r#","remark":"{remark}""#);
        }
        line.push('}');
        line
    }

    fn row(&self) -> String {
        let mut row = format!(
            "{:<17} {:>10.2} {:>8.2}",
            self.peer.name(),
            self.median_ns / 1e3,
            self.p10_ns / 1e3
        );
        if let Some([low, median, high]) = self.ratio {
            let _ = write!(row, " {median:>8.3}  {low:.3} to {high:.3}");
            if let Some(most) = self.most {
                let verdict = if median <= most { "holds" } else { "is over" };
                let _ = write!(row, "   {verdict} {most:.2}");
            }
        }
        if let Some(remark) = &self.remark {
            let _ = write!(row, "\n{:<17} {remark}", "");
        }
        row
    }
}

/// The table for people: that of one workload over one transport.
pub(crate) fn table(figures: &[Figures], workload: &Workload, transport: Transport) -> String {
    let mut text = format!(
        "\n{} over {}: {}\n{:<17} {:>10} {:>8} {:>8}  {:<17}  target\n",
        workload.name,
        transport.name(),
        workload.title,
        format!("µs each {}", workload.unit),
        "median",
        "p10",
        "ratio",
        "its middle half"
    );
    for figures in figures {
        text.push_str(&figures.row());
        text.push('\n');
    }
    let _ = writeln!(text, "The ratio is to {}.", workload.base.name());
    text
}

/// A count of one peer, and what it must not exceed.
pub(crate) struct Count {
    pub(crate) peer: Peer,
    pub(crate) workload: &'static str,
    pub(crate) transport: Transport,
    /// What is counted, as JSON calls it.
    pub(crate) what: &'static str,
    pub(crate) found: f64,
    pub(crate) most: Option<u32>,
}

impl Count {
    /// A line of JSON, for programs.
    pub(crate) fn json(&self) -> String {
        let most = self.most.map_or_else(|| "null".to_owned(), |most| most.to_string());
        format!(
            r#"{{"peer":"{}","workload":"{}","transport":"{}","{}":{:.0},"most":{most}}}"#,
            self.peer.name(),
            self.workload,
            self.transport.name(),
            self.what,
            self.found
        )
    }

    /// A line for people.
    pub(crate) fn row(&self) -> String {
        let verdict = self.most.map_or_else(String::new, |most| {
            let verdict = if self.found <= f64::from(most) { "holds" } else { "is over" };
            format!("   {verdict} {most}")
        });
        format!("{:<7} {:<17} {:>10.0}{verdict}", self.workload, self.peer.name(), self.found)
    }
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
