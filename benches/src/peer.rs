//! `Peer`: who is measured.

/// Who is measured, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A blocking socket that moves prepared bytes: the physical limit.
    Floor,
    /// The same on a stream of tokio's.
    FloorTokio,
    /// The same, with values that are encoded and decoded by hand: what a driver could reach.
    FloorDecoding,
    /// `Connection::connect`: the runtime is erased.
    Aiopg,
    /// `Connection::connect_on`: the runtime is a type.
    AiopgOn,
    TokioPostgres,
}

impl Peer {
    pub(crate) const ALL: [Self; 6] = [
        Self::Floor,
        Self::FloorTokio,
        Self::FloorDecoding,
        Self::Aiopg,
        Self::AiopgOn,
        Self::TokioPostgres,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorTokio => "floor-tokio",
            Self::FloorDecoding => "floor-decoding",
            Self::Aiopg => "aiopg",
            Self::AiopgOn => "aiopg-connect_on",
            Self::TokioPostgres => "tokio-postgres",
        }
    }

    /// Whether it is held against the targets.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Aiopg | Self::AiopgOn)
    }
}
