//! The table of figures with their targets.

use std::process::ExitCode;

/// The target of a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Under(f64),
    AtMost(f64),
    AtLeast(f64),
}

struct Row {
    what: String,
    measured: String,
    /// The target as text, and whether the figure meets it.
    verdict: Option<(String, bool)>,
    load: String,
}

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    broken: Vec<String>,
    load: String,
}

impl Report {
    /// Begins a group of figures. Each is listed with the machine's load: a time on a busy machine says little.
    pub(crate) fn begin(&mut self, title: &str) {
        self.load = load_average();
        println!("\n==> {title} (load average of the last minute: {})", self.load);
    }

    /// Adds a figure without a target.
    pub(crate) fn tell(&mut self, what: impl Into<String>, measured: impl Into<String>) {
        self.add(what.into(), measured.into(), None);
    }

    /// Adds a figure with a target, in this unit and with this many decimals.
    pub(crate) fn judge(
        &mut self,
        what: impl Into<String>,
        measured: f64,
        unit: &str,
        decimals: usize,
        target: Target,
    ) {
        let (sign, bound, met) = match target {
            Target::Under(bound) => ("<", bound, measured < bound),
            Target::AtMost(bound) => ("≤", bound, measured <= bound),
            Target::AtLeast(bound) => ("≥", bound, measured >= bound),
        };
        let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
        let target = format!("{sign} {bound}{unit}");
        self.add(what.into(), format!("{measured:.decimals$}{unit}"), Some((target, met)));
    }

    /// Adds a broken guarantee, which makes the run fail.
    pub(crate) fn broken(&mut self, what: impl Into<String>) {
        let what = what.into();
        println!("    BROKEN: {what}");
        self.broken.push(what);
    }

    fn add(&mut self, what: String, measured: String, verdict: Option<(String, bool)>) {
        println!("    {what}: {measured}");
        self.rows.push(Row { what, measured, verdict, load: self.load.clone() });
    }

    /// Prints the table. Fails after a broken guarantee. A missed target is not a failure, since the machine may be the
    /// cause.
    pub(crate) fn finish(self) -> ExitCode {
        let width = |text: fn(&Row) -> &str, title: &str| {
            self.rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0).max(title.len())
        };
        let target = |row: &Row| row.verdict.as_ref().map_or_else(|| "-".to_owned(), |(target, _)| target.clone());
        let (what, measured) = (width(|row| &row.what, "what"), width(|row| &row.measured, "measured"));
        println!("\n{:<what$}  {:<measured$}  {:<10}  {:<6}  load", "what", "measured", "target", "");
        for row in &self.rows {
            let verdict = match row.verdict {
                Some((_, true)) => "ok",
                Some((_, false)) => "MISSED",
                None => "",
            };
            println!(
                "{:<what$}  {:<measured$}  {:<10}  {verdict:<6}  {}",
                row.what,
                row.measured,
                target(row),
                row.load
            );
        }
        let missed = self.rows.iter().filter(|row| matches!(row.verdict, Some((_, false)))).count();
        println!("\n{missed} missed, {} broken", self.broken.len());
        for broken in &self.broken {
            println!("BROKEN: {broken}");
        }
        if self.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// The load average of the last minute, or `unknown`.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().filter(|number| !number.is_empty()).unwrap_or("unknown").to_owned()
}

/// The quantile of sorted values at this share (0 to 1), by nearest rank.
pub(crate) fn quantile<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}
