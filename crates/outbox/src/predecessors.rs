//! Whether an attempt that another process began may still be under way.

/// What is known about earlier processes that worked on the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predecessors {
    /// They are dead: the state admits one process at a time. An attempt they began has ended, how is unknown.
    Gone,
    /// They may live: an attempt they began is left alone until its deadline has passed.
    MayLive,
}
