//! `numeric`: its digits, its values, and the numbers of Rust.

mod finite;
mod value;
mod convert;

pub use crate::types::numeric::value::Numeric;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::wire_form::{WireForm, read_whole};

    fn numeric(text: &str) -> Numeric {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn there_and_back(numeric: &Numeric) -> Numeric {
        let mut out = bytes::BytesMut::new();
        numeric.write(&mut out).unwrap();
        read_whole(&out).unwrap()
    }

    #[test]
    fn numbers_keep_all_their_digits_and_their_scale() {
        let long = format!("-{}.{}", "9".repeat(131_072), "1".repeat(16_383));
        let mut texts = vec![long, format!("1{}.{}", "0".repeat(117), "0".repeat(161))];
        texts.extend((0..30).map(|zeros| format!("0.{}1", "0".repeat(zeros))));
        texts.extend((0..30).map(|zeros| format!("0.10{}", "0".repeat(zeros))));
        texts.extend((0..30).map(|zeros| format!("-1{}", "0".repeat(zeros))));
        texts.extend((1..30).map(|ones| format!("{0}.{0}", "1".repeat(ones))));
        texts.extend(
            [
                "0",
                "0.00",
                "1000000000.11",
                "0.000010000",
                "10000",
                "9999.9999",
                "10000.0001",
                "NaN",
                "Infinity",
                "-Infinity",
                "18446744073709551616",
                "-340282366920938463463374607431768211456",
            ]
            .map(str::to_owned),
        );
        for text in texts {
            let value = numeric(&text);
            assert_eq!(value.to_string(), text);
            assert_eq!(there_and_back(&value).to_string(), text);
        }
    }

    #[test]
    fn exponents_move_the_point() {
        for (text, written) in [
            ("1e3", "1000"),
            ("1.5E+2", "150"),
            ("1.50e1", "15.0"),
            ("-1.0E-4", "-0.00010"),
            ("12345e-3", "12.345"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0.0", "0.0"),
            ("+00012.30", "12.30"),
            ("0e5", "0"),
            ("inf", "Infinity"),
            ("-INF", "-Infinity"),
            ("nan", "NaN"),
        ] {
            assert_eq!(numeric(text).to_string(), written, "{text}");
        }
        assert_eq!(numeric("1e1000").to_string(), format!("1{}", "0".repeat(1000)));
        assert_eq!(numeric("1.0e-1000").to_string(), format!("0.{}10", "0".repeat(999)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            ".",
            "-",
            "1-",
            "--1",
            "1e",
            "1e+",
            "1e-16384",
            "1e131072",
            "1e999999999",
            "1e9999999999",
            "0x1",
            "1 ",
            "1_0",
            "1.2.3",
            "é",
            "-nan",
            "1e1.5",
        ] {
            assert!(text.parse::<Numeric>().is_err(), "{text}");
        }
        assert!(numeric("1e131071") > Numeric::ZERO);
        assert!(numeric("1e-16383") > Numeric::ZERO);
        assert!(Numeric::new(1, 16_384).is_err());
        assert_eq!(
            Numeric::new(i128::MIN, 3).unwrap().to_string(),
            "-170141183460469231731687303715884105.728"
        );
    }

    #[test]
    fn bodies_that_are_no_number_are_refused() {
        for (body, what) in [
            (&b"\0\x01\0\0\0\0\0\0\x27\x10"[..], "a digit of 10000"),
            (b"\0\x01\0\0\x80\0\0\0\0\x01", "an unknown sign"),
            (b"\0\x01\0\0\xc0\0\0\0\0\x01", "NaN with a digit"),
            (b"\xff\xff\0\0\0\0\0\0\0\x01", "more digits than bytes"),
            (b"\0\0\0\0\0\0\x40\0", "a scale of 16384"),
            (b"\0\x01\xff\xff\0\0\0\x03\0\x01", "a digit that the scale hides"),
            (b"\0\x01\x80\0\0\0\x3f\xff\0\x01", "a weight of -32768"),
            (b"\0\0\0\0\0\0\0\0\0", "a byte too many"),
            (b"", "nothing"),
        ] {
            assert!(read_whole::<Numeric>(body).is_err(), "{what}");
        }
        // As the server sends an infinity, and a number with zeros around it.
        assert_eq!(read_whole::<Numeric>(b"\0\0\0\0\xd0\0\0\x20").unwrap(), Numeric::INFINITY);
        let zeros = b"\0\x03\0\x01\0\0\0\x01\0\0\0\x07\0\0";
        assert_eq!(read_whole::<Numeric>(zeros).unwrap().to_string(), "7.0");
    }

    #[test]
    fn the_order_is_that_of_the_numbers() {
        let texts = [
            "-Infinity",
            "-10000",
            "-9999.5",
            "-1",
            "-0.0001",
            "0.00",
            "0.00000001",
            "0.5",
            "1",
            "1.0001",
            "9999",
            "10000",
            "10000.1",
            "1e1000",
            "Infinity",
            "NaN",
        ];
        for pair in texts.windows(2) {
            assert!(numeric(pair[0]) < numeric(pair[1]), "{pair:?}");
        }
        assert_eq!(numeric("1.0"), numeric("1.000"));
        assert_eq!(numeric("-0"), Numeric::ZERO);
        let hash = |text: &str| {
            use std::hash::BuildHasher;
            std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default()
                .hash_one(numeric(text))
        };
        assert_eq!(hash("1.0"), hash("1.000"));
        assert!(numeric("-0.1").is_negative() && !numeric("-0.0").is_negative());
        assert!(!Numeric::NAN.is_negative() && Numeric::NEG_INFINITY.is_negative());
    }

    #[test]
    fn integers_are_converted_where_they_fit() {
        assert_eq!(Numeric::from(0_u8).to_string(), "0");
        assert_eq!(Numeric::from(i64::MIN).to_string(), i64::MIN.to_string());
        assert_eq!(Numeric::from(u128::MAX).to_string(), u128::MAX.to_string());
        assert_eq!(Numeric::from(i128::MIN).to_string(), i128::MIN.to_string());
        assert_eq!(u128::try_from(Numeric::from(u128::MAX)).unwrap(), u128::MAX);
        assert_eq!(i128::try_from(Numeric::from(i128::MIN)).unwrap(), i128::MIN);
        assert_eq!(i64::try_from(numeric("-9223372036854775808.000")).unwrap(), i64::MIN);
        assert_eq!(u8::try_from(numeric("1e2")).unwrap(), 100);
        assert_eq!(u8::try_from(numeric("0.00")).unwrap(), 0);
        for text in [
            "256",
            "-1",
            "0.5",
            "1.5",
            "1e100",
            "1e131071",
            "NaN",
            "Infinity",
            "-Infinity",
            "0.00001",
        ] {
            assert!(u8::try_from(numeric(text)).is_err(), "{text}");
        }
        assert!(u128::try_from(numeric("340282366920938463463374607431768211456")).is_err());
        assert!(i128::try_from(numeric("-170141183460469231731687303715884105729")).is_err());
    }

    #[test]
    fn floats_are_converted_where_they_fit() {
        for float in [0.1, -2.5, 1e300, f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.0] {
            assert_eq!(f64::try_from(Numeric::from(float)).unwrap().to_bits(), float.to_bits());
        }
        assert_eq!(Numeric::from(0.1_f32).to_string(), "0.1");
        assert_eq!(Numeric::from(-0.0).to_string(), "0");
        assert!(f64::try_from(Numeric::NAN).unwrap().is_nan());
        assert!(f64::try_from(Numeric::from(f64::NEG_INFINITY)).unwrap() < f64::MIN);
        assert!(f64::try_from(numeric("1e309")).is_err());
        assert!(f64::try_from(numeric("1e-400")).is_err());
        assert!(f32::try_from(numeric("1e39")).is_err());
    }
}
