//! `Operation`: what a caller asked for, as its span is named.

/// What a caller asked for. There are few, so that spans can be grouped by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Acquire,
    BatchExecute,
    Cancel,
    Close,
    Commit,
    CommitPrepared,
    Connect,
    CopyIn,
    CopyOut,
    Execute,
    ExecuteMany,
    Pipeline,
    PipelineEach,
    Prepare,
    PrepareTransaction,
    Query,
    QueryOne,
    QueryOpt,
    QueryScalar,
    QueryTyped,
    ReleaseSavepoint,
    Rollback,
    RollbackPrepared,
    RollbackToSavepoint,
    SimpleQuery,
    Stream,
}

/// What is known of an operation when it begins.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "only spans tell it"))]
pub(crate) struct About<'o> {
    pub(crate) process_id: Option<i32>,
    pub(crate) sql: Option<&'o str>,
    /// How many statements there are, if it is a batch.
    pub(crate) batch: Option<usize>,
}
