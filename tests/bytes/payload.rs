//! The bodies of entries.

use bolero::check;
use bytes::Bytes;
use epoca::protocol::{Command, Opening};

use crate::samples;
use crate::spoil::spoil;

#[test]
fn a_body_decodes_to_what_encodes_to_it_or_not_at_all() {
    let samples = samples::payloads();
    check!().with_iterations(20_000).for_each(|input: &[u8]| {
        let body = Bytes::from(spoil(input, &samples));
        if let Some(command) = Command::decode(&body) {
            assert_eq!(command.encode(), body);
        }
        if let Some(opening) = Opening::decode(&body) {
            assert_eq!(opening.encode(), body);
            assert!(opening.founding.is_none_or(|founding| !founding.is_valid() || founding.members.len() < 4));
        }
    });
}
