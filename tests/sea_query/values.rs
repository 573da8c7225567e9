//! Values of every kind, the types that take them, and the text that the server then has.

use sea_query::prelude::{BigDecimal, Decimal, Json, RangeType};
use sea_query::prelude::{chrono, ipnetwork, jiff, mac_address, time, uuid};
use sea_query::{ArrayType, Enum, OptionEnum, Value};
use sea_query_postgres_types::range::RangeBound;

/// A value, a type, and the server's text of the value in that type.
pub(crate) type Case = (Value, &'static str, String);

macro_rules! kinds {
    ($($kind:ident)+) => {
        /// All of them: without one of these, the function below could not be compiled.
        pub(crate) const KINDS: &[&str] = &[$(stringify!($kind)),+];

        pub(crate) fn kind(value: &Value) -> &'static str {
            match value {
                $(Value::$kind { .. } => stringify!($kind),)+
            }
        }
    };
}

kinds! {
    Bool TinyInt SmallInt Int BigInt TinyUnsigned SmallUnsigned Unsigned BigUnsigned Float Double
    String Enum Char Bytes Json
    ChronoDate ChronoTime ChronoDateTime ChronoDateTimeUtc ChronoDateTimeLocal ChronoDateTimeWithTimeZone
    TimeDate TimeTime TimeDateTime TimeDateTimeWithTimeZone
    JiffDate JiffTime JiffDateTime JiffTimestamp
    Uuid Decimal BigDecimal Array Vector IpNetwork MacAddress Range
}

/// Pairs of values and texts for one type after the other.
macro_rules! cases {
    ($($type:literal { $($value:expr => $text:expr),+ $(,)? })+) => {
        vec![$($((Value::from($value), $type, ToString::to_string(&$text))),+),+]
    };
}

/// Types of the session's own that are in the table.
pub(crate) const DEFINE: &str = "create type pg_temp.mood as enum ('sad', 'ok', 'O''Neill \\'); \
     create domain pg_temp.positive as int2 check (value > 0); \
     create domain pg_temp.very_positive as pg_temp.positive; \
     create domain pg_temp.price as numeric(8, 2); \
     create domain pg_temp.list as int4[] check (cardinality(value) < 9); \
     create type pg_temp.float_range as range (subtype = float8); \
     create type pg_temp.positive_range as range (subtype = pg_temp.positive)";

/// Everything that is taken.
pub(crate) fn taken() -> Vec<Case> {
    [
        numbers(),
        decimals(),
        texts(),
        bytes_and_documents(),
        times(),
        addresses(),
        arrays(),
        ranges(),
    ]
    .concat()
}

fn numbers() -> Vec<Case> {
    cases! {
        "bool" { true => "true", false => "false" }
        "int2" {
            i8::MIN => -128, u8::MAX => 255, i16::MIN => i16::MIN, i16::MAX => i16::MAX, 5_u16 => 5,
            -5_i32 => -5, 5_i64 => 5, 5_u32 => 5, 5_u64 => 5,
        }
        "int4" {
            i8::MIN => -128, u8::MAX => 255, i16::MIN => i16::MIN, u16::MAX => u16::MAX,
            i32::MIN => i32::MIN, i32::MAX => i32::MAX, -5_i64 => -5, 5_u32 => 5, 5_u64 => 5,
        }
        "int8" {
            i8::MIN => -128, u8::MAX => 255, i16::MIN => i16::MIN, u16::MAX => u16::MAX,
            i32::MIN => i32::MIN, u32::MAX => u32::MAX, i64::MIN => i64::MIN, i64::MAX => i64::MAX,
            i64::MAX.unsigned_abs() => i64::MAX,
        }
        "oid" { 0_i8 => 0, 5_u8 => 5, 5_i16 => 5, u16::MAX => u16::MAX, i32::MAX => i32::MAX,
            u32::MAX => u32::MAX, i64::from(u32::MAX) => u32::MAX, 5_u64 => 5 }
        "regclass" { 1259_i32 => "pg_class", 1259_u64 => "pg_class" }
        "xid" { u32::MAX => u32::MAX }
        "xid8" { 5_i8 => 5, i64::MAX => i64::MAX, u64::MAX => u64::MAX }
        "numeric" {
            i8::MIN => -128, u8::MAX => 255, i16::MIN => i16::MIN, u16::MAX => u16::MAX,
            i32::MIN => i32::MIN, u32::MAX => u32::MAX, i64::MIN => i64::MIN, 0_i64 => 0,
            10_000_i64 => 10_000, u64::MAX => u64::MAX, 0.1_f32 => 0.1, 0.1_f64 => 0.1,
            0.1 + 0.2 => "0.30000000000000004", -2.5e-7 => "-0.00000025", f64::NAN => "NaN",
            1e20 => "100000000000000000000", f32::MAX => "340282350000000000000000000000000000000",
        }
        "float4" {
            i8::MIN => -128, u8::MAX => 255, 5_i16 => 5, 5_u16 => 5, 16_777_216_i32 => "1.6777216e+07",
            5_u32 => 5, -5_i64 => -5, 1_u64 << 63 => "9.223372e+18", f32::MAX => "3.4028235e+38",
            0.1_f32 => "0.1", 0.1_f64 => "0.1", f64::from(f32::MIN_POSITIVE) => "1.1754944e-38",
            f64::INFINITY => "Infinity", f32::NAN => "NaN", f64::NAN => "NaN",
        }
        "float8" {
            i8::MIN => -128, u8::MAX => 255, 5_i16 => 5, 5_u16 => 5, i32::MIN => i32::MIN,
            u32::MAX => u32::MAX, 1_i64 << 53 => "9.007199254740992e+15", 1_u64 << 63 => "9.223372036854776e+18",
            0.5_f32 => "0.5", f64::MAX => "1.7976931348623157e+308", 5e-324 => "5e-324",
            f64::NEG_INFINITY => "-Infinity", f32::INFINITY => "Infinity",
        }
        "text" { i64::MIN => i64::MIN, u64::MAX => u64::MAX, 5_u8 => 5, -5_i8 => -5, 0_i16 => 0, 7_i32 => 7 }
        "varchar" { 5_u16 => 5, 5_u32 => 5 }
        "pg_temp.positive" { 1_i32 => 1, i16::MAX => i16::MAX, 5_u64 => 5 }
        "pg_temp.very_positive" { 1_i64 => 1 }
    }
}

fn decimals() -> Vec<Case> {
    let decimal = |text: &str| text.parse::<Decimal>().unwrap();
    let big = |text: &str| text.parse::<BigDecimal>().unwrap();
    let digits = format!("{}.{}", "9".repeat(500), "1".repeat(500));
    cases! {
        "numeric" {
            decimal("0") => 0, decimal("0.00") => "0.00", decimal("-12.50") => "-12.50",
            decimal("0.0001") => "0.0001", decimal("10000.0001") => "10000.0001",
            Decimal::MAX => "79228162514264337593543950335", Decimal::MIN => "-79228162514264337593543950335",
            decimal("0.0000000000000000000000000001") => "0.0000000000000000000000000001",
            big("0.00") => "0.00", big("-1e-5") => "-0.00001", big("1e30") => "1000000000000000000000000000000",
            big("12.50") => "12.50", big(&digits) => digits,
        }
        "pg_temp.price" { decimal("12.5") => "12.50", big("12.5") => "12.50", 12.5_f64 => "12.50", 12_i32 => "12.00" }
        "float8" { decimal("0.1") => "0.1", big("-2.50") => "-2.5", big("1e300") => "1e+300" }
        "float4" { decimal("0.1") => "0.1", big("16777216") => "1.6777216e+07" }
    }
}

fn label(type_name: &str, value: &'static str) -> Value {
    let label = Enum { type_name: type_name.to_owned().into(), value: value.into() };
    Value::Enum(OptionEnum::Some(Box::new(label)))
}

fn texts() -> Vec<Case> {
    let awkward = "it's \\ \"é\u{1f418}\" $1 E'\n";
    cases! {
        "text" { awkward => awkward, "" => "", 'é' => "é", '\'' => "'", label("mood", "ok") => "ok" }
        "varchar" { awkward => awkward, '\u{1f418}' => "\u{1f418}", label("mood", "ok") => "ok" }
        "bpchar" { "ab " => "ab", 'é' => "é" }
        "name" { "a\"b" => "a\"b", 'a' => "a" }
        "\"char\"" { 'a' => "a", "a" => "a", "" => "" }
        "xml" { "<a>é</a>" => "<a>é</a>" }
        "json" { "{\"a\": [1, null]}" => "{\"a\": [1, null]}" }
        "jsonb" { "{\"a\": [1, null]}" => "{\"a\": [1, null]}" }
        "jsonpath" { "$.a[*]" => "$.\"a\"[*]" }
        "pg_temp.mood" {
            "ok" => "ok", "O'Neill \\" => "O'Neill \\", label("mood", "sad") => "sad"
        }
    }
}

fn bytes_and_documents() -> Vec<Case> {
    let document =
        Json::from_iter([("a'\\", Json::from(vec![Json::Null, 0.5.into(), "é".into()]))]);
    let uuid = uuid::Uuid::from_u128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff);
    cases! {
        "bytea" { &b"\0\xff'\\"[..] => "\\x00ff275c", &b""[..] => "\\x" }
        "json" { document.clone() => document, Json::Null => "null" }
        "jsonb" { document.clone() => "{\"a'\\\\\": [null, 0.5, \"é\"]}", Json::from(true) => "true", Json::from("5") => "\"5\"" }
        "uuid" { uuid => "00112233-4455-6677-8899-aabbccddeeff", uuid::Uuid::nil() => uuid::Uuid::nil() }
    }
}

fn times() -> Vec<Case> {
    let chrono_date = |year| chrono::NaiveDate::from_ymd_opt(year, 2, 28).unwrap();
    let chrono_time = chrono::NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999).unwrap();
    let chrono_last = chrono::NaiveDate::MAX.and_time(chrono_time);
    let chrono_utc = chrono_date(2024).and_time(chrono_time).and_utc();
    let east = chrono::FixedOffset::east_opt(5 * 3600 + 1800).unwrap();
    let time_date = |year| time::Date::from_calendar_date(year, time::Month::February, 28).unwrap();
    let time_time = time::Time::from_hms_nano(23, 59, 59, 999_999_999).unwrap();
    let time_local = time::PrimitiveDateTime::new(time_date(2024), time_time);
    let time_east = time::UtcOffset::from_hms(5, 30, 0).unwrap();
    let jiff_date = |year| jiff::civil::date(year, 2, 28);
    let jiff_time = jiff::civil::time(23, 59, 59, 999_999_999);
    let jiff_instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let utc = "2024-02-28 23:59:59.999999+00";
    cases! {
        "date" {
            chrono_date(2024) => "2024-02-28", chrono_date(-43) => "0044-02-28 BC",
            chrono_date(-4712) => "4713-02-28 BC", chrono::NaiveDate::MAX => "262142-12-31",
            time_date(2024) => "2024-02-28", time_date(0) => "0001-02-28 BC",
            time::Date::MAX => "999999-12-31", jiff_date(2024) => "2024-02-28",
            jiff_date(-4712) => "4713-02-28 BC", jiff::civil::Date::MAX => "9999-12-31",
        }
        "time" {
            chrono_time => "23:59:59.999999", chrono::NaiveTime::MIN => "00:00:00",
            time_time => "23:59:59.999999", time::Time::MIDNIGHT => "00:00:00",
            jiff_time => "23:59:59.999999", jiff::civil::Time::midnight() => "00:00:00",
        }
        "timestamp" {
            chrono_utc.naive_utc() => "2024-02-28 23:59:59.999999",
            chrono_last => "262142-12-31 23:59:59.999999",
            chrono_date(-4712).and_time(chrono_time) => "4713-02-28 23:59:59.999999 BC",
            time_local => "2024-02-28 23:59:59.999999",
            jiff_date(2024).to_datetime(jiff_time) => "2024-02-28 23:59:59.999999",
            jiff::civil::DateTime::MAX => "9999-12-31 23:59:59.999999",
        }
        "timestamptz" {
            chrono_utc => utc, chrono_utc.with_timezone(&chrono::Local) => utc,
            chrono_utc.with_timezone(&east) => utc, chrono_last.and_utc() => "262142-12-31 23:59:59.999999+00",
            time_local.assume_utc() => utc, time_local.assume_utc().to_offset(time_east) => utc,
            jiff_instant("2024-02-29T05:29:59.999999999+05:30") => utc,
            jiff::Timestamp::UNIX_EPOCH => "1970-01-01 00:00:00+00",
        }
    }
}

fn addresses() -> Vec<Case> {
    let network = |text: &str| text.parse::<ipnetwork::IpNetwork>().unwrap();
    cases! {
        "inet" {
            network("10.0.0.1/8") => "10.0.0.1/8", network("10.0.0.1") => "10.0.0.1/32",
            network("2001:db8::1/64") => "2001:db8::1/64", network("0.0.0.0/0") => "0.0.0.0/0",
        }
        "cidr" { network("10.0.0.0/8") => "10.0.0.0/8", network("2001:db8::/64") => "2001:db8::/64" }
        "macaddr" { mac_address::MacAddress::new([8, 0, 43, 1, 2, 255]) => "08:00:2b:01:02:ff" }
    }
}

fn nested(kind: ArrayType, elements: Vec<Value>) -> Value {
    Value::Array(kind, Some(Box::new(elements)))
}

fn arrays() -> Vec<Case> {
    let day = chrono::NaiveDate::from_ymd_opt(2024, 2, 28).unwrap();
    let with_null = nested(ArrayType::Int, vec![1.into(), Value::Int(None), (-3).into()]);
    let row = |a: i32, b: i32| nested(ArrayType::Int, vec![a.into(), b.into()]);
    let rows = nested(ArrayType::Int, vec![row(1, 2), row(3, 4), row(5, 6)]);
    cases! {
        "bool[]" { vec![true, false] => "{t,f}" }
        "int2[]" { vec![1_i64, -1] => "{1,-1}", vec![1_u16] => "{1}", with_null.clone() => "{1,NULL,-3}" }
        "int4[]" { Vec::<i32>::new() => "{}", with_null => "{1,NULL,-3}", rows => "{{1,2},{3,4},{5,6}}" }
        "int8[]" { vec![i64::MIN, i64::MAX] => format!("{{{},{}}}", i64::MIN, i64::MAX), vec![5_u64] => "{5}", vec![1_i8] => "{1}" }
        "numeric[]" { vec![u64::MAX, 0] => format!("{{{},0}}", u64::MAX), vec![0.1] => "{0.1}", vec![Decimal::ONE] => "{1}" }
        "float8[]" { vec![1_i32, 2] => "{1,2}", vec![0.5_f32] => "{0.5}" }
        "float4[]" { vec![0.1_f64] => "{0.1}" }
        "text[]" {
            vec!["a".to_owned(), "it's".to_owned(), "NULL".to_owned(), "\\ \"".to_owned()] => r#"{a,it's,"NULL","\\ \""}"#,
            vec!['a', 'é'] => "{a,é}",
        }
        "varchar[]" { vec![String::new()] => "{\"\"}" }
        "bytea[]" { vec![vec![0_u8, 255]] => r#"{"\\x00ff"}"# }
        "json[]" { vec![Json::from(1), Json::Null] => "{1,\"null\"}" }
        "jsonb[]" { vec![Json::from("a")] => r#"{"\"a\""}"# }
        "uuid[]" { vec![uuid::Uuid::nil()] => format!("{{{}}}", uuid::Uuid::nil()) }
        "date[]" { vec![day] => "{2024-02-28}" }
        "timestamptz[]" { vec![day.and_time(chrono::NaiveTime::MIN).and_utc()] => "{\"2024-02-28 00:00:00+00\"}" }
        "inet[]" { vec!["10.0.0.1/8".parse::<ipnetwork::IpNetwork>().unwrap()] => "{10.0.0.1/8}" }
        "macaddr[]" { vec![mac_address::MacAddress::new([0; 6])] => "{00:00:00:00:00:00}" }
        "pg_temp.mood[]" {
            vec!["ok".to_owned(), "sad".to_owned()] => "{ok,sad}",
            nested(ArrayType::Enum(Box::new("mood".into())), vec![label("mood", "ok")]) => "{ok}",
        }
        "pg_temp.positive[]" { vec![1_i64, 2] => "{1,2}" }
        "pg_temp.list" { vec![1_i64, 2] => "{1,2}", nested(ArrayType::Int, vec![]) => "{}" }
    }
}

fn ranges() -> Vec<Case> {
    use RangeBound::{Exclusive, Inclusive, Unbounded};

    let int4 = |lower, upper| RangeType::Int4Range(lower, upper);
    cases! {
        "int4range" {
            int4(Inclusive(1), Exclusive(5)) => "[1,5)", int4(Exclusive(1), Inclusive(5)) => "[2,6)",
            int4(Unbounded, Exclusive(i32::MAX)) => "(,2147483647)",
            int4(Inclusive(1), Exclusive(1)) => "empty",
            RangeType::Int8Range(Inclusive(-1), Unbounded) => "[-1,)",
        }
        "int8range" {
            RangeType::Int8Range(Inclusive(i64::MIN), Exclusive(i64::MAX)) => format!("[{},{})", i64::MIN, i64::MAX),
            int4(Inclusive(1), Unbounded) => "[1,)",
        }
        "numrange" {
            RangeType::NumRange(Inclusive(0.1), Exclusive(2.5)) => "[0.1,2.5)",
            RangeType::NumRange(Exclusive(-1e-7), Inclusive(1e20)) => "(-0.0000001,100000000000000000000]",
            int4(Inclusive(1), Inclusive(2)) => "[1,2]",
        }
        "pg_temp.float_range" { RangeType::NumRange(Inclusive(0.1), Exclusive(2.5)) => "[0.1,2.5)" }
        "pg_temp.positive_range" { int4(Inclusive(1), Inclusive(2)) => "[1,2]" }
    }
}
