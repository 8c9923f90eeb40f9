//! Refusals that node and client make alike.

use crate::protocol::{InvalidChange, KEY_BYTES_MAX, VALUE_BYTES_MAX};
use crate::wire::proto;

/// A refusal with a code for machines and a text for people.
pub fn refused(code: &str, message: impl Into<String>) -> proto::Refusal {
    proto::Refusal { code: code.to_owned(), message: message.into(), leader: None }
}

/// The refusal of a change that no client may write.
pub fn unsound(why: InvalidChange) -> proto::Refusal {
    match why {
        InvalidChange::EmptyKey => refused("empty_key", "the key is empty: give at least one byte"),
        InvalidChange::KeyTooLarge { bytes } => {
            let text = format!("the key has {bytes} bytes, the limit is {KEY_BYTES_MAX} (4 KiB): use a shorter one");
            refused("key_too_large", text)
        }
        InvalidChange::ValueTooLarge { bytes } => {
            let text = format!("the value has {bytes} bytes, the limit is {VALUE_BYTES_MAX} (1 MiB): split it");
            refused("value_too_large", text)
        }
        InvalidChange::EmptyBatch => refused("empty_batch", "the batch is empty: give at least one put or delete"),
        InvalidChange::TooLarge | InvalidChange::NotPutOrDelete => {
            let text = "keys and values together have more than 1 MiB, or there are more than 1024 changes: split it";
            refused("too_large", text)
        }
    }
}
