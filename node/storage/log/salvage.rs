//! Reading as much as possible of a damaged log, to find the other members. The result cannot be trusted: it only says
//! which nodes a node may ask for help. A file may be damaged in any way here, and shorter than its header.

use std::path::Path;

use bytes::Bytes;

use crate::protocol::{Listed, Lists};
use crate::storage::format::{Beginning, FileKind};
use crate::storage::log::base::LogBase;
use crate::storage::log::log_folder;
use crate::storage::log::record::{LogRecord, Parsed, parse};
use crate::storage::log::segment::{HEADER_BYTES, segment_numbers, segment_path};

/// The last readable member list in the log of a data folder.
pub fn last_list(data: &Path) -> Option<Listed> {
    last_readable_list(&log_folder(data))
}

/// The last member list in a log, with each file read up to its first damage.
pub(crate) fn last_readable_list(folder: &Path) -> Option<Listed> {
    let base = LogBase::read(folder).ok().flatten();
    let mut lists = Lists::new(base.map(|base| base.base.lists).unwrap_or_default());
    for number in segment_numbers(folder).unwrap_or_default() {
        let Ok(file) = std::fs::read(segment_path(folder, number)).map(Bytes::from) else { continue };
        if let Beginning::OtherVersion(_) = FileKind::Segment.beginning(&file) {
            continue;
        }
        let mut at = HEADER_BYTES;
        while let Parsed::Record(marked, length) = parse(&file, at) {
            match marked.record {
                LogRecord::Entry { entry, .. } => lists.append(&entry),
                LogRecord::Truncate(from) => lists.truncate_after(from.0.saturating_sub(1)),
                LogRecord::Promise(_) | LogRecord::Seal { .. } => {}
            }
            at += length;
        }
    }
    lists.current().cloned()
}
