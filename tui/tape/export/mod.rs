//! Exports of recordings for other programs: ShiViz, and JSON lines of events.

mod shiviz;

use std::io::{self, Write};

use epoca::client::watch::Observed;
use epoca::protocol::trace::Event;

use crate::tape::json;
use crate::tape::record::{Record, What};

/// Writes all events in ShiViz's format. Returns how many.
pub fn to_shiviz(records: &[Record], out: &mut dyn Write) -> io::Result<u64> {
    shiviz::write(records, out)
}

/// Writes all events as JSON, one per line, and nothing else. Returns how many.
pub fn to_lines(records: &[Record], out: &mut dyn Write) -> io::Result<u64> {
    let mut count = 0;
    for (record, event) in events(records) {
        writeln!(out, "{}", json::event_line(record.at.as_micros() as u64, event))?;
        count += 1;
    }
    Ok(count)
}

fn events(records: &[Record]) -> impl Iterator<Item = (&Record, &Event)> {
    records.iter().flat_map(|record| {
        let events: &[Event] = match &record.what {
            What::Observed(_, Observed::Events(events)) => events,
            _ => &[],
        };
        events.iter().map(move |event| (record, event))
    })
}
