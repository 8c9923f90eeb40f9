//! What a node reports about its start and its disks, for its status.

use crate::wire::refusal::DisksLost;
use crate::wire::typed::typed;

typed! {
    /// A remark about a node.
    ///
    /// | field | meaning |
    /// | --- | --- |
    /// | `folder`, `found` | the quarantine folder, and the damage |
    /// | `lost` | which folders are lost |
    /// | `text` | an English sentence |
    #[allow(missing_docs, reason = "the fields are in the table above; a text says what its variant means")]
    #[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
    Note = Note, NoteCode, code {
        /// The node's data were damaged. They are in `folder` now, and the node has started with an empty folder.
        #[error("quarantined: {folder} holds what this node had before: {found}")]
        Quarantined = "quarantined" { folder: String, found: String }
        /// Too few voters have the data folder that the member list names to elect a leader.
        #[error("{lost}")]
        DisksLost = "disks_lost" { lost: DisksLost }
        /// Anything else, as the node's log says it, such as "the final database was rebuilt from a snapshot".
        #[error("{text}")]
        Logged = "logged" { text: String }
    }
}
