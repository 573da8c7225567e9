//! Reads connection strings and says what they mean, for `ci/fuzz-conninfo` to compare with libpq.
//!
//! Each line of the input is a string in hexadecimal. The answer is `refused` and why, or `taken` and, in
//! hexadecimal, the connection string that means the same.

use std::io::{self, BufRead, Write};

use aiopg::Config;

fn main() -> io::Result<()> {
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        match text(&line?).ok_or(io::ErrorKind::InvalidData)?.parse::<Config>() {
            Ok(config) => {
                write!(answers, "taken ")?;
                for byte in config.to_connection_string_with_password().into_bytes() {
                    write!(answers, "{byte:02x}")?;
                }
                writeln!(answers)?;
            }
            Err(error) => writeln!(answers, "refused {error}")?,
        }
        answers.flush()?;
    }
    Ok(())
}

fn text(digits: &str) -> Option<String> {
    let byte = |at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    let bytes = (0..digits.len()).step_by(2).map(byte).collect::<Option<Vec<_>>>()?;
    String::from_utf8(bytes).ok()
}
