//! What a column's type modifier says: length, precision, scale.

use postgres_types::{Kind, Type};

use crate::session::column::Column;

/// The header that the modifiers of some types count in.
const HEADER: i32 = 4;

fn behind_header(modifier: i32) -> Option<i32> {
    Some(modifier - HEADER).filter(|rest| *rest >= 0)
}

/// What a type's modifier means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A number of characters, with the header.
    Characters,
    /// A number of bits.
    Bits,
    /// Digits of fractions of a second.
    Time,
    /// The same in the lower half.
    Interval,
    /// Digits in the upper half, with the header, and digits behind the point in the lower one.
    Numeric,
}

/// What the type's modifier says, as it was declared. For an array it is what holds for its elements.
impl Column {
    /// Returns how many characters a `varchar(n)` or `char(n)` can hold, and how many bits a `bit(n)` or
    /// `bit varying(n)`; `None` where nothing was declared.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(connection: &mut aiopg::Connection) -> Result<(), aiopg::Error> {
    /// let rows = connection.query("select null::varchar(30), null::numeric(12, 2)", ()).await?;
    /// let [name, price] = rows.columns() else { unreachable!() };
    /// assert_eq!(name.length(), Some(30));
    /// assert_eq!((price.precision(), price.scale()), (Some(12), Some(2)));
    /// # Ok(()) }
    /// ```
    pub fn length(&self) -> Option<u32> {
        let modifier = self.declared()?;
        match self.meaning()? {
            Meaning::Characters => u32::try_from(behind_header(modifier)?).ok(),
            Meaning::Bits => u32::try_from(modifier).ok(),
            Meaning::Time | Meaning::Interval | Meaning::Numeric => None,
        }
    }

    /// Returns how many digits a `numeric(precision, scale)` has in all, and to how many digits a `timestamp(p)`,
    /// `time(p)` or `interval(p)` keeps fractions of a second; `None` where nothing was declared.
    pub fn precision(&self) -> Option<u32> {
        /// What an interval has whose fractions are not limited.
        const FULL: i32 = 0xffff;

        let modifier = self.declared()?;
        let precision = match self.meaning()? {
            Meaning::Numeric => behind_header(modifier)? >> 16,
            Meaning::Time => modifier,
            Meaning::Interval => Some(modifier & 0xffff).filter(|digits| *digits != FULL)?,
            Meaning::Characters | Meaning::Bits => return None,
        };
        u32::try_from(precision).ok()
    }

    /// Returns how many of the digits of a `numeric(precision, scale)` stand behind the point; `None` where nothing was
    /// declared. Negative, it rounds in front of the point.
    pub fn scale(&self) -> Option<i32> {
        if self.meaning()? != Meaning::Numeric {
            return None;
        }
        // Eleven bits with a sign.
        let scale = behind_header(self.declared()?)? & 0x7ff;
        Some((scale ^ 0x400) - 0x400)
    }

    fn declared(&self) -> Option<i32> {
        Some(self.type_modifier()).filter(|modifier| *modifier >= 0)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only these have modifiers that are read")]
    fn meaning(&self) -> Option<Meaning> {
        let element = match self.r#type().kind() {
            Kind::Array(element) => element,
            _ => self.r#type(),
        };
        Some(match *element {
            Type::VARCHAR | Type::BPCHAR => Meaning::Characters,
            Type::BIT | Type::VARBIT => Meaning::Bits,
            Type::NUMERIC => Meaning::Numeric,
            Type::INTERVAL => Meaning::Interval,
            Type::TIME | Type::TIMETZ | Type::TIMESTAMP | Type::TIMESTAMPTZ => Meaning::Time,
            _ => return None,
        })
    }
}
