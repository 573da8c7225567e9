//! Tests of SCRAM: an exchange with a real server, and servers that lie.

use crate::auth::{
    AwaitFinal, ChannelBinding, ClientFirst, DEFAULT_MAX_ITERATIONS, Failure, NONCE_LENGTH,
    SaltedPassword, ServerFirst, stretch,
};

// An exchange recorded with a server of version 15.
const NONCE: [u8; NONCE_LENGTH] = [
    0x61, 0x5f, 0x46, 0x6b, 0xb0, 0x8c, 0x5b, 0x69, 0x71, 0x32, 0xb7, 0x80, 0x6f, 0xa0, 0x41, 0x25,
    0x52, 0x67,
];
const PASSWORD: &[u8] = b"pencil";
const CLIENT_FIRST: &str = "n,,n=,r=YV9Ga7CMW2lxMreAb6BBJVJn";
const SERVER_FIRST: &str = "r=YV9Ga7CMW2lxMreAb6BBJVJnAtckSBYC5jOZ1UzorEiLruLf,\
    s=i433FhM6qGSyOs7U9G1fxA==,i=4096";
const CLIENT_FINAL: &str = "c=biws,\
    r=YV9Ga7CMW2lxMreAb6BBJVJnAtckSBYC5jOZ1UzorEiLruLf,\
    p=nHK5MvVZ3vhYBwHdvB5dNmfvqcnGz5sLUfWRx3YhbAE=";
const SERVER_FINAL: &str = "v=+NbU6/XmW6sLO7ld1gzSOVVbEPTQQGTpx3OHgFlfLGA=";

/// The client's nonce as the server must repeat it.
const CLIENT_NONCE: &str = "YV9Ga7CMW2lxMreAb6BBJVJn";

fn begin() -> ClientFirst {
    ClientFirst::new(&NONCE, ChannelBinding::Unsupported).0
}

fn after(server_first: impl AsRef<[u8]>) -> Result<ServerFirst, Failure> {
    begin().server_first(server_first.as_ref(), DEFAULT_MAX_ITERATIONS)
}

fn salted() -> SaltedPassword {
    let state = after(SERVER_FIRST).unwrap();
    stretch(PASSWORD, state.salt(), state.iterations())
}

fn await_final(salted: &SaltedPassword) -> AwaitFinal {
    after(SERVER_FIRST).unwrap().with_salted_password(salted).1
}

#[track_caller]
fn assert_protocol(failure: &Failure) {
    assert!(matches!(failure, Failure::Protocol(_)), "{failure:?}");
}

#[test]
fn recorded_exchange_replays() {
    let (state, message) = ClientFirst::new(&NONCE, ChannelBinding::Unsupported);
    assert_eq!(String::from_utf8(message).unwrap(), CLIENT_FIRST);

    let state = state.server_first(SERVER_FIRST.as_bytes(), 4096).unwrap();
    assert_eq!((state.salt().len(), state.iterations()), (16, 4096));
    let salted = stretch(PASSWORD, state.salt(), state.iterations());
    let (message, state) = state.with_salted_password(&salted);
    assert_eq!(String::from_utf8(message).unwrap(), CLIENT_FINAL);

    state.server_final(SERVER_FINAL.as_bytes()).unwrap();
}

#[test]
fn stretched_password_can_be_kept() {
    let salted = salted();
    for salted in [salted.clone(), salted] {
        await_final(&salted).server_final(SERVER_FINAL.as_bytes()).unwrap();
    }
}

#[test]
fn channel_binding_goes_in_front_and_under_the_proof() {
    for (binding, header, encoded) in [
        (ChannelBinding::Unsupported, "n,,n=", "c=biws,"),
        (ChannelBinding::SupportedNotUsed, "y,,n=", "c=eSws,"),
        (
            ChannelBinding::TlsServerEndPoint(b"\x00\xffhash".to_vec()),
            "p=tls-server-end-point,,n=",
            "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAP9oYXNo,",
        ),
    ] {
        let (state, message) = ClientFirst::new(&NONCE, binding);
        assert!(message.starts_with(header.as_bytes()));
        let state = state.server_first(SERVER_FIRST.as_bytes(), 4096).unwrap();
        let (message, _) = state.with_salted_password(&salted());
        assert!(message.starts_with(encoded.as_bytes()));
        assert_eq!(encoded == "c=biws,", message == CLIENT_FINAL.as_bytes());
    }
}

#[test]
fn truncated_server_first_is_an_error() {
    let whole = SERVER_FIRST.as_bytes();
    let digits = "4096".len();
    for end in 0..=whole.len() - digits {
        assert_protocol(&after(&whole[..end]).unwrap_err());
    }
    // Without its last digits it is another legal message, and gives another proof.
    for end in whole.len() - digits + 1..whole.len() {
        let state = after(&whole[..end]).unwrap();
        let salted = stretch(PASSWORD, state.salt(), state.iterations());
        let (_, state) = state.with_salted_password(&salted);
        assert_eq!(state.server_final(SERVER_FINAL.as_bytes()), Err(Failure::Unproven));
    }
}

#[test]
fn truncated_server_final_is_an_error() {
    let salted = salted();
    let whole = SERVER_FINAL.as_bytes();
    for end in 0..whole.len() {
        assert_protocol(&await_final(&salted).server_final(&whole[..end]).unwrap_err());
    }
}

#[test]
fn foreign_nonce_is_refused() {
    for nonce in [
        "",
        "x",
        "AAAAAAAAAAAAAAAAAAAAAAAAAtckSBYC5jOZ1UzorEiLruLf",
        // Ours in lower case, ours cut short, ours and nothing else, ours behind something.
        "yv9ga7cmw2lxmreab6bbjvjnAtckSBYC",
        "YV9Ga7CMW2lxMreAb6BBJVJ",
        CLIENT_NONCE,
        "xYV9Ga7CMW2lxMreAb6BBJVJn",
    ] {
        assert_protocol(&after(format!("r={nonce},s=i433,i=4096")).unwrap_err());
    }
}

#[test]
fn nonce_is_printable_ascii() {
    assert!(after(format!("r={CLIENT_NONCE}!~+,s=i433,i=1")).is_ok());
    for added in ["\0", " ", "\n", "\u{7f}", "é"] {
        assert_protocol(&after(format!("r={CLIENT_NONCE}x{added},s=i433,i=1")).unwrap_err());
    }
    assert_protocol(&after(b"r=\xff\xfe,s=i433,i=1").unwrap_err());
}

#[test]
fn iteration_count_has_a_limit() {
    let first = |count: &str| after(format!("r={CLIENT_NONCE}x,s=i433,i={count}"));
    assert_eq!(first("1").unwrap().iterations(), 1);
    assert_eq!(first("100000").unwrap().iterations(), DEFAULT_MAX_ITERATIONS);
    for huge in ["100001", "2147483647", "4000000000", "4294967296", &"9".repeat(300)] {
        let failure = first(huge).unwrap_err();
        assert!(matches!(failure, Failure::Unsupported(_)), "{failure:?}");
        assert!(failure.to_string().len() < 200);
    }
    let allowed = format!("r={CLIENT_NONCE}x,s=i433,i=600000");
    assert_eq!(begin().server_first(allowed.as_bytes(), 600_000).unwrap().iterations(), 600_000);
}

#[test]
fn iteration_count_is_a_positive_number() {
    for count in ["", "0", "00", "04096", "-1", "+1", " 1", "1 ", "1\0", "0x10", "1e3", "٣", "a"] {
        let failure = after(format!("r={CLIENT_NONCE}x,s=i433,i={count}")).unwrap_err();
        assert_protocol(&failure);
    }
}

#[test]
fn salt_is_strict_base64() {
    for salt in
        ["", "=", "i", "i4", "i43", "i433=", "i433 ", " i433", "i433\n", "i4_3", "QUE", "QUF="]
    {
        assert_protocol(&after(format!("r={CLIENT_NONCE}x,s={salt},i=1")).unwrap_err());
    }
    assert_eq!(after(format!("r={CLIENT_NONCE}x,s=QUE=,i=1")).unwrap().salt(), b"AA");
}

#[test]
fn mandatory_extension_is_refused() {
    let failure = after(format!("m=future,{SERVER_FIRST}")).unwrap_err();
    assert!(matches!(failure, Failure::Unsupported(_)), "{failure:?}");
}

#[test]
fn attributes_come_in_order_and_nothing_else() {
    for message in [
        String::new(),
        ",,,".to_owned(),
        format!("s=i433,r={CLIENT_NONCE}x,i=1"),
        format!("r={CLIENT_NONCE}x,i=1,s=i433"),
        format!("r={CLIENT_NONCE}x,,s=i433,i=1"),
        format!("r={CLIENT_NONCE}x,s=i433,i=1,"),
        format!("r={CLIENT_NONCE}x,s=i433,i=1,x=y"),
        format!("r={CLIENT_NONCE}x,m=y,s=i433,i=1"),
        format!("R={CLIENT_NONCE}x,S=i433,I=1"),
        format!(" r={CLIENT_NONCE}x,s=i433,i=1"),
        format!("r={CLIENT_NONCE}{},s=i433,i=1", "x".repeat(4096)),
        format!("r={CLIENT_NONCE}x,s={},i=1", "AAAA".repeat(1024)),
        "e=other-error".to_owned(),
    ] {
        assert_protocol(&after(&message).unwrap_err());
    }
}

#[test]
fn impostor_is_found_out() {
    let salted = salted();
    let end = |data: &str| await_final(&salted).server_final(data.as_bytes());
    // All zeros; the recorded verifier with its first and with its last bit turned.
    for verifier in [
        "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "v=eNbU6/XmW6sLO7ld1gzSOVVbEPTQQGTpx3OHgFlfLGA=",
        "v=+NbU6/XmW6sLO7ld1gzSOVVbEPTQQGTpx3OHgFlfLGE=",
    ] {
        assert_eq!(end(verifier), Err(Failure::Unproven));
    }
    let other = stretch(b"stylus", after(SERVER_FIRST).unwrap().salt(), 4096);
    let end = await_final(&other).server_final(SERVER_FINAL.as_bytes());
    assert_eq!(end, Err(Failure::Unproven));
}

#[test]
fn server_final_is_a_verifier_and_nothing_else() {
    let salted = salted();
    let verifier = SERVER_FINAL;
    for message in [
        String::new(),
        "v=".to_owned(),
        // 31 and 33 bytes, spare bits set, no base64 at all.
        "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==".to_owned(),
        "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        verifier.replace("GA=", "GB="),
        "v=!".to_owned(),
        format!("{verifier},"),
        format!("{verifier},x=y"),
        format!("{verifier}\0"),
        format!("{verifier}\n"),
        format!("x=y,{verifier}"),
        verifier.replace("v=", "V="),
        format!("{verifier},{}", "x".repeat(4096)),
    ] {
        let end = await_final(&salted).server_final(message.as_bytes());
        assert_protocol(&end.unwrap_err());
    }
}

#[test]
fn server_error_is_shown_clean() {
    let salted = salted();
    let end = |data: &str| await_final(&salted).server_final(data.as_bytes()).unwrap_err();
    assert_eq!(end("e=invalid-proof"), Failure::Rejected("invalid-proof".to_owned()));
    assert_eq!(
        end("e=\u{1b}]0;x\u{7}\r\nok").to_string(),
        "the server ended the SCRAM exchange: \"?]0;x???ok\""
    );
    assert!(end(&format!("e={}", "y".repeat(2000))).to_string().len() < 120);
}

#[test]
fn secrets_stay_out_of_debug() {
    let salted = salted();
    assert_eq!(format!("{salted:?}"), "SaltedPassword(..)");
    assert_eq!(format!("{:?}", await_final(&salted)), "AwaitFinal(..)");
}

#[test]
fn noise_is_never_taken_for_a_server() {
    let salted = salted();
    let mut random = Random(0x5ca1_ab1e);
    for _ in 0..5_000 {
        let length = random.below(120);
        let noise: Vec<u8> = (0..length).map(|_| random.byte()).collect();
        assert!(after(&noise).is_err());
        assert!(await_final(&salted).server_final(&noise).is_err());

        let first = random.mutate(SERVER_FIRST);
        if let Ok(state) = after(&first) {
            assert!(first.starts_with(format!("r={CLIENT_NONCE}").as_bytes()));
            assert!((1..=DEFAULT_MAX_ITERATIONS).contains(&state.iterations()));
            assert!(!state.salt().is_empty());
        }
        let last = random.mutate(SERVER_FINAL);
        let end = await_final(&salted).server_final(&last);
        assert_eq!(end.is_ok(), last == SERVER_FINAL.as_bytes());
    }
}

/// `SplitMix64`: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()).checked_rem(limit).unwrap()
    }

    /// Changes, drops, doubles or inserts a byte, one to three times; may come out as it went in.
    fn mutate(&mut self, message: &str) -> Vec<u8> {
        let mut message = message.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(message.len());
            match self.below(4) {
                0 => message[at] = self.byte(),
                1 => drop(message.remove(at)),
                2 => message.insert(at, message[at]),
                _ => message.insert(at, b",=rsivem0\0"[self.below(10)]),
            }
        }
        message
    }
}
