//! The calendar: days counted from 2000-01-01 as years, months and days, and the text of years and seconds.

use std::fmt;

use crate::types::scan::Scan;

pub(crate) const DAY_MICROSECONDS: i64 = 86_400_000_000;

/// A day of the Gregorian calendar, reckoned backwards before its time as PostgreSQL does it.
///
/// Years are astronomical inside: 0 is 1 BC. Outside they are PostgreSQL's: -1 is 1 BC, and there is no 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
}

/// From 0000-03-01, which begins a cycle of 400 years, to 2000-01-01.
const CYCLE_TO_EPOCH: i64 = 730_425;
const CYCLE_DAYS: i64 = 146_097;

impl Civil {
    /// The day `days` after 2000-01-01; at most some 2^32 days away from it.
    pub(crate) fn of_days(days: i64) -> Self {
        let days = days + CYCLE_TO_EPOCH;
        let (cycle, day) = (days.div_euclid(CYCLE_DAYS), days.rem_euclid(CYCLE_DAYS));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // Months are counted from March, so that the leap day is the last of a year.
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        Self { year: year + cycle * 400 + next, month, day }
    }

    /// The number of days since 2000-01-01, if there is such a day.
    pub(crate) fn days(self) -> Option<i64> {
        if !(1..=12).contains(&self.month) || self.year.abs() > 10_000_000 {
            return None;
        }
        let (month, year) = if self.month > 2 {
            (self.month - 3, self.year)
        } else {
            (self.month + 9, self.year - 1)
        };
        let (cycle, of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
        let day = (153 * month + 2) / 5 + self.day - 1;
        let day = of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + day;
        let days = cycle * CYCLE_DAYS + day - CYCLE_TO_EPOCH;
        // The 31st of April is another day.
        (Self::of_days(days) == self).then_some(days)
    }

    /// The day of PostgreSQL's `year`, which is negative before Christ and never 0.
    pub(crate) fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let (month, day) = (month.into(), day.into());
        match i64::from(year) {
            0 => None,
            year if year < 0 => Some(Self { year: year + 1, month, day }),
            year => Some(Self { year, month, day }),
        }
    }

    /// PostgreSQL's number of the year.
    pub(crate) fn signed_year(self) -> Option<i32> {
        i32::try_from(if self.year > 0 { self.year } else { self.year - 1 }).ok()
    }

    fn is_before_christ(self) -> bool {
        self.year <= 0
    }

    /// Writes the date; `between` stands before the letters that mark years before Christ.
    pub(crate) fn write(
        self,
        f: &mut fmt::Formatter<'_>,
        between: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let year = if self.is_before_christ() { 1 - self.year } else { self.year };
        write!(f, "{year:04}-{:02}-{:02}", self.month, self.day)?;
        between(f)?;
        f.write_str(if self.is_before_christ() { " BC" } else { "" })
    }

    /// Takes a date, without the letters at its end.
    pub(crate) fn scan(scan: &mut Scan<'_>) -> Option<Self> {
        let digits = scan.digits();
        // With fewer digits it might be a day or a month.
        let year =
            if (4..=7).contains(&digits.len()) { digits.parse().ok()? } else { return None };
        scan.expect("-")?;
        let month = scan.two_digits()?;
        scan.expect("-")?;
        Some(Self { year, month, day: scan.two_digits()? }).filter(|civil| civil.year > 0)
    }

    /// Takes the letters that may end a date, and with them the text.
    pub(crate) fn scan_end(self, scan: &mut Scan<'_>) -> Option<Self> {
        let year = if scan.eat(" BC") { 1 - self.year } else { self.year };
        scan.is_done().then_some(Self { year, ..self })
    }
}

/// Writes hours, minutes and seconds; the fraction only as far as it goes.
pub(crate) fn write_time(f: &mut fmt::Formatter<'_>, microseconds: u64) -> fmt::Result {
    let (seconds, fraction) = (microseconds / 1_000_000, microseconds % 1_000_000);
    write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    if fraction == 0 {
        return Ok(());
    }
    let digits = format!(".{fraction:06}");
    f.write_str(digits.trim_end_matches('0'))
}

/// Takes hours, minutes and seconds of a day, in microseconds.
pub(crate) fn scan_time(scan: &mut Scan<'_>) -> Option<i64> {
    let hour = scan.two_digits()?;
    scan.expect(":")?;
    let minute = scan.two_digits()?;
    scan.expect(":")?;
    let second = scan.two_digits()?;
    time_microseconds(hour, minute, second, scan.fraction()?)
}

/// The microseconds since midnight; 24:00:00 is the end of the day.
pub(crate) fn time_microseconds(
    hour: i64,
    minute: i64,
    second: i64,
    microsecond: i64,
) -> Option<i64> {
    let parts = [(hour, 24), (minute, 59), (second, 59), (microsecond, 999_999)];
    if parts.iter().any(|(part, most)| !(0..=*most).contains(part)) {
        return None;
    }
    let microseconds = ((hour * 60 + minute) * 60 + second) * 1_000_000 + microsecond;
    (microseconds <= DAY_MICROSECONDS).then_some(microseconds)
}

/// Writes an offset from UTC as PostgreSQL does: minutes and seconds only where there are some.
pub(crate) fn write_offset(f: &mut fmt::Formatter<'_>, seconds_east: i32) -> fmt::Result {
    let sign = if seconds_east < 0 { '-' } else { '+' };
    let seconds = seconds_east.unsigned_abs();
    write!(f, "{sign}{:02}", seconds / 3600)?;
    if !seconds.is_multiple_of(3600) {
        write!(f, ":{:02}", seconds / 60 % 60)?;
    }
    if !seconds.is_multiple_of(60) {
        write!(f, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

/// Takes an offset from UTC, in seconds to the east.
pub(crate) fn scan_offset(scan: &mut Scan<'_>) -> Option<i32> {
    let sign = match (scan.eat("+"), scan.eat("-")) {
        (true, false) => 1,
        (false, true) => -1,
        _ => return None,
    };
    let hours = scan.two_digits()?;
    let minutes = if scan.eat(":") { scan.two_digits()? } else { 0 };
    let seconds = if scan.eat(":") { scan.two_digits()? } else { 0 };
    if hours > 15 || minutes > 59 || seconds > 59 {
        return None;
    }
    i32::try_from(sign * ((hours * 60 + minutes) * 60 + seconds)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_one_to_one() {
        let known = [
            (0, 2000, 1, 1),
            (-1, 1999, 12, 31),
            (59, 2000, 2, 29),
            (60, 2000, 3, 1),
            (-730_119, 1, 1, 1),
            (-730_120, 0, 12, 31),
            (-2_451_545, -4713, 11, 24),
            (2_145_031_948, 5_874_897, 12, 31),
        ];
        for (days, year, month, day) in known {
            let civil = Civil { year, month, day };
            assert_eq!(Civil::of_days(days), civil);
            assert_eq!(civil.days(), Some(days));
        }
        let mut last = Civil::of_days(-800_001);
        for days in -800_000..800_000 {
            let civil = Civil::of_days(days);
            assert_eq!(civil.days(), Some(days));
            let follows = (civil.day == last.day + 1 && civil.month == last.month)
                || (civil.day == 1 && (civil.month == last.month + 1 || last.month == 12));
            assert!(follows, "{last:?} {civil:?}");
            last = civil;
        }
    }

    #[test]
    fn days_that_do_not_exist_are_none() {
        for (year, month, day) in [(2023, 2, 29), (1900, 2, 29), (2024, 4, 31), (2024, 1, 0)] {
            assert_eq!(Civil::new(year, month, day).unwrap().days(), None);
        }
        for (month, day) in [(0, 1), (13, 1), (1, 32), (255, 255)] {
            assert_eq!(Civil::new(2024, month, day).unwrap().days(), None);
        }
        assert_eq!(Civil::new(0, 1, 1), None);
        assert_eq!(Civil::new(i32::MAX, 1, 1).unwrap().days(), None);
        assert_eq!(Civil::new(i32::MIN, 1, 1).unwrap().days(), None);
    }
}
