//! `Token`: the pieces of a text, cut where PostgreSQL's own lexer cuts them.

/// What a backslash is in a literal without a prefix: that is the session's `standard_conforming_strings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backslash {
    Plain,
    Escapes,
}

/// A piece of a text. One behind the other they are the whole text, whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'s> {
    pub(crate) kind: TokenKind,
    pub(crate) text: &'s str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Space,
    Comment,
    /// A key word or a name without quotes.
    Word,
    /// A name between double quotes, `U&` included.
    QuotedName,
    /// A literal between quotes or dollars, with its prefix and with the lines that continue it.
    Literal,
    Digits,
    /// `$1`.
    Numbered,
    /// `:name`.
    Named,
    /// Everything else: one character, or `::`, or `:=`.
    Symbol,
}

/// Cuts a text. One that ends within a literal or a comment ends with that.
pub(crate) fn tokens(sql: &str, backslash: Backslash) -> Tokens<'_> {
    Tokens { rest: sql, before: None, backslash }
}

#[derive(Clone, Debug)]
pub(crate) struct Tokens<'s> {
    rest: &'s str,
    /// The byte in front of the rest.
    before: Option<u8>,
    backslash: Backslash,
}

impl<'s> Iterator for Tokens<'s> {
    type Item = Token<'s>;

    fn next(&mut self) -> Option<Token<'s>> {
        let first = *self.rest.as_bytes().first()?;
        let (kind, length) = self.measure(first);
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.before = text.as_bytes().last().copied();
        Some(Token { kind, text })
    }
}

impl Tokens<'_> {
    /// The kind and the length of the token at the start of the rest.
    fn measure(&self, first: u8) -> (TokenKind, usize) {
        let text = self.rest.as_bytes();
        let second = text.get(1).copied();
        match first {
            b'\'' => (TokenKind::Literal, literal(text, 0, self.backslash)),
            b'"' => (TokenKind::QuotedName, quoted(text, 0, b'"', Backslash::Plain)),
            b'$' => dollar(self.rest),
            b'-' if second == Some(b'-') => (TokenKind::Comment, line_comment(text, 0)),
            b'/' if second == Some(b'*') => (TokenKind::Comment, block_comment(text)),
            b':' => self.colon(text),
            b'0'..=b'9' => (TokenKind::Digits, run(text, 0, |c| c.is_ascii_digit())),
            _ if is_space(first) => (TokenKind::Space, run(text, 0, is_space)),
            _ if begins_name(first) => self.word(text),
            _ => (TokenKind::Symbol, 1),
        }
    }

    /// A word, or what it is the prefix of.
    fn word(&self, text: &[u8]) -> (TokenKind, usize) {
        match text {
            [b'e' | b'E', b'\'', ..] => (TokenKind::Literal, literal(text, 1, Backslash::Escapes)),
            [b'b' | b'B' | b'x' | b'X', b'\'', ..] => {
                (TokenKind::Literal, literal(text, 1, Backslash::Plain))
            }
            [b'n' | b'N', b'\'', ..] => (TokenKind::Literal, literal(text, 1, self.backslash)),
            [b'u' | b'U', b'&', b'\'', ..] => {
                (TokenKind::Literal, literal(text, 2, Backslash::Plain))
            }
            [b'u' | b'U', b'&', b'"', ..] => {
                (TokenKind::QuotedName, quoted(text, 2, b'"', Backslash::Plain))
            }
            _ => (TokenKind::Word, run(text, 0, continues_word)),
        }
    }

    /// A cast, an assignment, a parameter, or a mere colon. One that touches an operand on its left is that of a
    /// slice, `a[1:n]`; behind a dollar, a number would make another token of it.
    fn colon(&self, text: &[u8]) -> (TokenKind, usize) {
        let touches = |c: u8| continues_word(c) || matches!(c, b')' | b']' | b'"' | b'\'' | b':');
        match text.get(1) {
            Some(b':' | b'=') => (TokenKind::Symbol, 2),
            Some(c) if begins_name(*c) && !self.before.is_some_and(touches) => {
                (TokenKind::Named, run(text, 1, |c| begins_name(c) || c.is_ascii_digit()))
            }
            _ => (TokenKind::Symbol, 1),
        }
    }
}

/// Where the run of such bytes that begins at `start` ends.
fn run(text: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    rest.iter().position(|c| !belongs(*c)).map_or(text.len(), |length| start + length)
}

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn is_newline(c: u8) -> bool {
    matches!(c, b'\n' | b'\r')
}

/// To PostgreSQL, all that is not ASCII is a letter.
fn begins_name(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_' || !c.is_ascii()
}

pub(crate) fn continues_word(c: u8) -> bool {
    begins_name(c) || c.is_ascii_digit() || c == b'$'
}

fn line_comment(text: &[u8], start: usize) -> usize {
    run(text, start, |c| !is_newline(c))
}

/// The length of the comment at the start of `text`, in which others may be nested.
fn block_comment(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    loop {
        at += match text.get(at..) {
            Some([b'/', b'*', ..]) => {
                depth += 1;
                2
            }
            Some([b'*', b'/', ..]) => {
                depth -= 1;
                2
            }
            Some([_, ..]) => 1,
            Some([]) | None => return text.len(),
        };
        if depth == 0 {
            return at;
        }
    }
}

/// Where the literal ends whose quote stands at `open`, with all that continues it: behind white space that holds
/// a line break another quote goes on, read as the first was.
fn literal(text: &[u8], open: usize, backslash: Backslash) -> usize {
    let mut end = quoted(text, open, b'\'', backslash);
    while let Some(next) = continuation(text, end) {
        end = quoted(text, next, b'\'', backslash);
    }
    end
}

/// Where what is quoted ends. A doubled quote does not end it.
fn quoted(text: &[u8], open: usize, quote: u8, backslash: Backslash) -> usize {
    let mut at = open + 1;
    while let Some(c) = text.get(at).copied() {
        at += 1;
        if c == b'\\' && backslash == Backslash::Escapes {
            at += 1;
        } else if c == quote {
            if text.get(at) != Some(&quote) {
                return at;
            }
            at += 1;
        }
    }
    text.len()
}

/// Where the quote stands that continues the literal which ends at `end`.
fn continuation(text: &[u8], end: usize) -> Option<usize> {
    let (mut at, mut lines) = (end, 0_usize);
    loop {
        match text.get(at..)? {
            [b'\'', ..] => return (lines > 0).then_some(at),
            [b'-', b'-', ..] => at = line_comment(text, at),
            [c, ..] if is_space(*c) => {
                lines += usize::from(is_newline(*c));
                at += 1;
            }
            _ => return None,
        }
    }
}

/// A parameter, a literal between dollars, or a mere dollar.
fn dollar(text: &str) -> (TokenKind, usize) {
    let bytes = text.as_bytes();
    if bytes.get(1).is_some_and(u8::is_ascii_digit) {
        return (TokenKind::Numbered, run(bytes, 1, |c| c.is_ascii_digit()));
    }
    let tag = run(bytes, 1, |c| begins_name(c) || c.is_ascii_digit());
    let (Some(b'$'), Some(delimiter)) = (bytes.get(tag), text.get(..=tag)) else {
        return (TokenKind::Symbol, 1);
    };
    let body = text.get(delimiter.len()..).unwrap_or_default();
    let length = body.find(delimiter).map_or(text.len(), |at| at + 2 * delimiter.len());
    (TokenKind::Literal, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens that are not space, each as a letter for its kind and its text.
    fn cut(sql: &str, backslash: Backslash) -> Vec<String> {
        let all: Vec<_> = tokens(sql, backslash).collect();
        assert_eq!(all.iter().map(|token| token.text).collect::<String>(), sql);
        let letter = |kind| match kind {
            TokenKind::Space => ' ',
            TokenKind::Comment => 'c',
            TokenKind::Word => 'w',
            TokenKind::QuotedName => 'q',
            TokenKind::Literal => 'l',
            TokenKind::Digits => 'd',
            TokenKind::Numbered => '$',
            TokenKind::Named => ':',
            TokenKind::Symbol => 's',
        };
        all.iter()
            .filter(|token| token.kind != TokenKind::Space)
            .map(|token| format!("{}{}", letter(token.kind), token.text))
            .collect()
    }

    #[track_caller]
    fn check(sql: &str, expected: &[&str]) {
        assert_eq!(cut(sql, Backslash::Plain), expected, "{sql}");
    }

    #[test]
    fn literals_end_where_the_server_says() {
        check("'a''b' c", &["l'a''b'", "wc"]);
        check(r"'a\' b", &[r"l'a\'", "wb"]);
        check(r"E'a\'b' c", &[r"lE'a\'b'", "wc"]);
        check(r"e'\\' b", &[r"le'\\'", "wb"]);
        check(r"U&'\0041\' b", &[r"lU&'\0041\'", "wb"]);
        check(r"b'01\' x'1f' n'a\' b", &[r"lb'01\'", "lx'1f'", r"ln'a\'", "wb"]);
        check("abce'x' ue'y'", &["wabce", "l'x'", "wue", "l'y'"]);
        check(r"1e'\''", &["d1", r"le'\''"]);
        check("u& 'x'", &["wu", "s&", "l'x'"]);
        check("'open", &["l'open"]);
        assert_eq!(
            cut(r"'a\'b' n'\'' b'\'", Backslash::Escapes),
            [r"l'a\'b'", r"ln'\''", r"lb'\'"]
        );
        assert_eq!(cut(r"'\", Backslash::Escapes), [r"l'\"]);
        assert_eq!(cut(r"'\é' a", Backslash::Escapes), [r"l'\é'", "wa"]);
    }

    #[test]
    fn a_literal_goes_on_behind_a_line_break() {
        check("'a'\n'b' c", &["l'a'\n'b'", "wc"]);
        check("E'a' -- x\r -- y\n\t'\\'b' c", &["lE'a' -- x\r -- y\n\t'\\'b'", "wc"]);
        check("E'a' '\\'", &["lE'a'", "l'\\'"]);
        check("E'a'\n/**/'\\'", &["lE'a'", "c/**/", "l'\\'"]);
        check("E'a' -- x", &["lE'a'", "c-- x"]);
    }

    #[test]
    fn names_and_comments_end_where_the_server_says() {
        check(r#""a""b\" U&"c\" d"#, &[r#"q"a""b\""#, r#"qU&"c\""#, "wd"]);
        check("a$1 größe€ _x$y$z", &["wa$1", "wgröße€", "w_x$y$z"]);
        check("-- :a ' \rb --c", &["c-- :a ' ", "wb", "c--c"]);
        check("/* /* :a */ $1 */ b /*/*/", &["c/* /* :a */ $1 */", "wb", "c/*/*/"]);
        check("+--x", &["s+", "c--x"]);
        check("//**/", &["s/", "c/**/"]);
        check("/**//***/*/", &["c/**/", "c/***/", "s*", "s/"]);
    }

    #[test]
    fn dollars_quote_number_or_stand_alone() {
        check("$$ :a '$1 $$ b", &["l$$ :a '$1 $$", "wb"]);
        check("$x$ $$ $y$ $1 $x$ b", &["l$x$ $$ $y$ $1 $x$", "wb"]);
        check("$x$y$tag$x$ b", &["l$x$y$tag$x$", "wb"]);
        check("$€1$ ' $€1$ b", &["l$€1$ ' $€1$", "wb"]);
        check("$1$2 $1a", &["$$1", "$$2", "$$1", "wa"]);
        check("1$1 $1$a$'$a$", &["d1", "$$1", "$$1", "l$a$'$a$"]);
        check("a$$b$$ $x y", &["wa$$b$$", "s$", "wx", "wy"]);
        check("$x$ open", &["l$x$ open"]);
    }

    #[test]
    fn a_colon_is_a_parameter_only_where_it_is_nothing_else() {
        check(":a,:_b1(:größe)", &["::a", "s,", "::_b1", "s(", "::größe", "s)"]);
        check("x::int :=y :1 : a", &["wx", "s::", "wint", "s:=", "wy", "s:", "d1", "s:", "wa"]);
        check("a[1:n]", &["wa", "s[", "d1", "s:", "wn", "s]"]);
        check("a[b:n]", &["wa", "s[", "wb", "s:", "wn", "s]"]);
        check("a[f(x):n]", &["wa", "s[", "wf", "s(", "wx", "s)", "s:", "wn", "s]"]);
        check("a[1: n][:m]", &["wa", "s[", "d1", "s:", "wn", "s]", "s[", "::m", "s]"]);
        check("a[:l : :h]", &["wa", "s[", "::l", "s:", "::h", "s]"]);
        check(":a::int", &["::a", "s::", "wint"]);
        check(":::a $:a", &["s::", "s:", "wa", "s$", "s:", "wa"]);
        check("a=:a<>:b", &["wa", "s=", "::a", "s<", "s>", "::b"]);
        check("':a' \":a\" e':a' $$:a$$", &["l':a'", "q\":a\"", "le':a'", "l$$:a$$"]);
    }

    #[test]
    fn every_text_is_cut_without_a_gap() {
        let pieces = [
            "'", "\"", "\\", "$", "$$", "$a$", "$1", "/*", "*/", "--", "\n", ":", ":a", "::", "e",
            "E'", "U&", "n", "é", "1", " ", "[", "]", "(", ";",
        ];
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut sql = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                sql.push_str(pieces[usize::try_from(state >> 33).unwrap() % pieces.len()]);
            }
            cut(&sql, Backslash::Plain);
            cut(&sql, Backslash::Escapes);
        }
    }
}
