//! What can still be read of a damaged log. Nobody may trust it: it only tells whom a node could ask for help. A file
//! may be damaged in any way here, so it may also be shorter than its header.

use std::path::Path;

use bytes::Bytes;

use crate::protocol::{Listed, Lists};
use crate::storage::log::base::LogBase;
use crate::storage::log::log_folder;
use crate::storage::log::record::{Found, Record, find};
use crate::storage::log::segment::{HEADER_BYTES, segment_numbers, segment_path};

/// The last member list in the log of a data folder, as far as that can be read.
pub fn last_list(data: &Path) -> Option<Listed> {
    lists_as_far_as_readable(&log_folder(data))
}

/// The last member list that a log holds, each file of it read up to its first damage.
pub(crate) fn lists_as_far_as_readable(folder: &Path) -> Option<Listed> {
    let base = LogBase::read(folder).ok().flatten();
    let mut lists = Lists::new(base.map(|base| base.base.lists).unwrap_or_default());
    for number in segment_numbers(folder).unwrap_or_default() {
        let Ok(file) = std::fs::read(segment_path(folder, number)).map(Bytes::from) else { continue };
        let mut at = HEADER_BYTES;
        while let Found::Record(marked, length) = find(&file, at) {
            match marked.record {
                Record::Entry { entry, .. } => lists.append(&entry),
                Record::Truncate(from) => lists.truncate_after(from.0.saturating_sub(1)),
                Record::Promise(_) | Record::Seal { .. } => {}
            }
            at += length;
        }
    }
    lists.current().cloned()
}
