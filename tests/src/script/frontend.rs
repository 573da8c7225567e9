//! What a client sends, taken apart strictly: a message that is not exactly as the manual says stops the test.

/// A message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frontend {
    /// The first message of a session.
    Startup {
        /// The protocol: the major version in the upper half.
        version: i32,
        /// Name and value of each parameter.
        parameters: Vec<(String, String)>,
    },
    /// The only message of a connection that cancels.
    CancelRequest {
        /// The process to be cancelled.
        process_id: i32,
        /// The key that its session was told.
        key: Vec<u8>,
    },
    /// Any answer to an authentication request.
    Password(Vec<u8>),
    /// Makes a prepared statement.
    Parse {
        /// Its name.
        name: String,
        /// Its text.
        sql: String,
        /// The types of its parameters.
        types: Vec<u32>,
    },
    /// Binds values to a prepared statement, as the unnamed portal.
    Bind {
        /// The statement's name.
        name: String,
        /// The values, all in binary.
        values: Vec<Option<Vec<u8>>>,
    },
    /// Asks for the description of a statement.
    Describe(String),
    /// Runs the unnamed portal to its end.
    Execute,
    /// Runs a portal for some rows.
    ExecutePortal {
        /// Its name.
        portal: String,
        /// How many rows; 0 for all.
        most_rows: i32,
    },
    /// Asks for what there is to say so far.
    Flush,
    /// Forgets a statement.
    Close(String),
    /// Runs a text.
    Query(String),
    /// Ends a request.
    Sync,
    /// A piece of the data of a copy.
    CopyData(Vec<u8>),
    /// The data of a copy is complete.
    CopyDone,
    /// Gives up a copy.
    CopyFail(String),
    /// Ends the session.
    Terminate,
}

impl Frontend {
    /// Takes the body of a connection's first message apart.
    pub(crate) fn first(body: &[u8]) -> Self {
        let mut body = Body(body);
        match body.int() {
            CANCEL_REQUEST => {
                Self::CancelRequest { process_id: body.int(), key: body.rest().to_vec() }
            }
            version => {
                let mut parameters = Vec::new();
                loop {
                    let name = body.text();
                    if name.is_empty() {
                        break;
                    }
                    parameters.push((name, body.text()));
                }
                body.end();
                Self::Startup { version, parameters }
            }
        }
    }

    /// Takes the body of a later message apart.
    pub(crate) fn parse(tag: u8, body: &[u8]) -> Self {
        let mut body = Body(body);
        let message = match tag {
            b'p' => Self::Password(body.rest().to_vec()),
            b'P' => {
                let (name, sql) = (body.text(), body.text());
                let types = (0..body.count()).map(|_| body.int().cast_unsigned()).collect();
                Self::Parse { name, sql, types }
            }
            b'B' => bind(&mut body),
            b'D' => Self::Describe(body.statement()),
            b'E' => match (body.text(), body.int()) {
                (portal, 0) if portal.is_empty() => Self::Execute,
                (portal, most_rows) => Self::ExecutePortal { portal, most_rows },
            },
            b'H' => Self::Flush,
            b'C' => Self::Close(body.statement()),
            b'Q' => Self::Query(body.text()),
            b'S' => Self::Sync,
            b'd' => Self::CopyData(body.rest().to_vec()),
            b'c' => Self::CopyDone,
            b'f' => Self::CopyFail(body.text()),
            b'X' => Self::Terminate,
            tag => panic!("the client sent a message '{}'", char::from(tag).escape_default()),
        };
        body.end();
        message
    }
}

fn bind(body: &mut Body<'_>) -> Frontend {
    assert_eq!(body.text(), "", "the portal has no name");
    let name = body.text();
    let formats: Vec<_> = (0..body.count()).map(|_| body.count()).collect();
    let values: Vec<_> = (0..body.count()).map(|_| body.value()).collect();
    let results: Vec<_> = (0..body.count()).map(|_| body.count()).collect();
    assert!(formats.iter().chain(&results).all(|format| *format == 1), "all is binary");
    assert!(formats.len() == 1 || formats.len() == values.len(), "one format, or one for each");
    Frontend::Bind { name, values }
}

/// The rest of a message's body.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(length).expect("the message is cut short");
        self.0 = rest;
        taken
    }

    fn int(&mut self) -> i32 {
        i32::from_be_bytes(self.bytes(4).try_into().expect("four bytes"))
    }

    fn count(&mut self) -> u16 {
        u16::from_be_bytes(self.bytes(2).try_into().expect("two bytes"))
    }

    fn text(&mut self) -> String {
        let length = self.0.iter().position(|byte| *byte == 0).expect("a text ends with a zero");
        let text = self.bytes(length).to_vec();
        self.bytes(1);
        String::from_utf8(text).expect("a text in UTF-8")
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        match self.int() {
            -1 => None,
            length => Some(self.bytes(length.try_into().expect("a length")).to_vec()),
        }
    }

    fn statement(&mut self) -> String {
        assert_eq!(self.bytes(1), b"S", "it is about a statement, not a portal");
        self.text()
    }

    fn rest(&mut self) -> &'a [u8] {
        self.bytes(self.0.len())
    }

    fn end(&self) {
        assert!(self.0.is_empty(), "the message has {} bytes too many", self.0.len());
    }
}

/// What stands in a version's place.
const CANCEL_REQUEST: i32 = 80_877_102;
