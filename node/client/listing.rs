//! Long results, page by page: the records in key order, and a node's log in order. A page is bounded in number and in
//! bytes, so a caller that handles each page before it asks for the next one holds at most one.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tonic::transport::Channel;

use crate::client::Client;
use crate::client::error::{ClientError, malformed, refusal};
use crate::client::reason::Reason;
use crate::client::requests::Answered;
use crate::client::types::{Consistency, LogLine};
use crate::protocol::NodeId;
use crate::protocol::apply::Record;
use crate::wire::endpoint::MESSAGE_BYTES_MAX;
use crate::wire::proto;
use crate::wire::proto::client_client::ClientClient;
use crate::wire::proto::control_client::ControlClient;

/// The most records or entries of one page. A node ends a page earlier after a few MiB.
const PAGE: u64 = 1_000;

/// The records whose keys start with a prefix. Each page is a separate read, so a long list is not one moment of the
/// database.
pub struct Listing {
    client: Client,
    node: Option<NodeId>,
    /// The key of the last record read.
    request: proto::ListRequest,
    left: u64,
    /// Whether there may be more.
    more: bool,
    deadline: Instant,
}

/// Entries of one node's log.
pub struct LogListing {
    client: Client,
    node: NodeId,
    /// The position to read next.
    from: u64,
    left: u64,
    more: bool,
    deadline: Instant,
}

impl Client {
    /// The first `limit` records whose keys start with `prefix`. The client's deadline is that of all pages together.
    pub fn listing(&self, prefix: Bytes, limit: u64, consistency: Consistency, node: Option<NodeId>) -> Listing {
        let (consistency, after) = (consistency.into(), Bytes::new());
        let request = proto::ListRequest { prefix, limit: 0, consistency, after };
        Listing { client: self.clone(), node, request, left: limit, more: true, deadline: self.deadline() }
    }

    /// At most `limit` records whose keys start with `prefix`, in key order; true if there are more.
    pub async fn list(
        &self,
        prefix: Bytes,
        limit: u64,
        consistency: Consistency,
        node: Option<NodeId>,
    ) -> Result<(Vec<Record>, bool), ClientError> {
        let mut listing = self.listing(prefix, limit, consistency, node);
        let mut records = Vec::new();
        while let Some(page) = listing.next().await? {
            records.extend(page);
        }
        Ok((records, listing.has_more()))
    }

    /// At most `limit` entries of one node's log from position `from` on. The client's deadline is that of all pages
    /// together.
    pub fn log_listing(&self, node: NodeId, from: u64, limit: u64) -> LogListing {
        LogListing { client: self.clone(), node, from, left: limit, more: true, deadline: self.deadline() }
    }

    /// At most `limit` entries of one node's log from position `from` on; true if there are more.
    pub async fn read_log(&self, node: NodeId, from: u64, limit: u64) -> Result<(Vec<LogLine>, bool), ClientError> {
        let mut listing = self.log_listing(node, from, limit);
        let mut lines = Vec::new();
        while let Some(page) = listing.next().await? {
            lines.extend(page);
        }
        Ok((lines, listing.has_more()))
    }
}

impl Listing {
    /// The next page, with at least one record; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Record>>, ClientError> {
        if !self.more || self.left == 0 {
            return Ok(None);
        }
        in_time(&self.client, self.deadline)?;
        let request = proto::ListRequest { limit: self.left.min(PAGE), ..self.request.clone() };
        let page = self.client.read(self.node, self.deadline, |channel| list_once(channel, request.clone())).await?;
        self.more = page.more && !page.records.is_empty();
        self.left = self.left.saturating_sub(page.records.len() as u64);
        let Some(last) = page.records.last() else { return Ok(None) };
        // A copy: the key otherwise keeps the memory of the whole response.
        self.request.after = Bytes::copy_from_slice(&last.key);
        Ok(Some(page.records.into_iter().map(Record::from).collect()))
    }

    /// Whether there are records after those that were read.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Moves the deadline by the time that the caller itself needed.
    pub fn put_off(&mut self, by: Duration) {
        self.deadline += by;
    }
}

impl LogListing {
    /// The next page, with at least one entry; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<LogLine>>, ClientError> {
        if !self.more || self.left == 0 {
            return Ok(None);
        }
        let (client, deadline) = (&self.client, self.deadline);
        in_time(client, deadline)?;
        let address = client.address(self.node, deadline).await?;
        let request = proto::ReadLogRequest { from: self.from, limit: self.left.min(PAGE) };
        let page = client.ask(&address, deadline, |channel: Channel| async move {
            let mut client = ControlClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
            client.read_log(request).await
        });
        let page = page.await?;
        if let Some(refused) = page.refused {
            return Err(refusal(refused).into());
        }
        let lines = page.lines.into_iter().map(LogLine::try_from).collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| malformed(&address, &error))?;
        self.more = page.more && !lines.is_empty();
        self.left = self.left.saturating_sub(lines.len() as u64);
        let Some(last) = lines.last() else { return Ok(None) };
        self.from = last.point.position.0 + 1;
        Ok(Some(lines))
    }

    /// Whether the log has entries after those that were read.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Moves the deadline by the time that the caller itself needed.
    pub fn put_off(&mut self, by: Duration) {
        self.deadline += by;
    }
}

/// Without this, pages that arrive immediately would never check the deadline.
fn in_time(client: &Client, deadline: Instant) -> Result<(), ClientError> {
    if Instant::now() < deadline {
        return Ok(());
    }
    Err(ClientError::TimedOut { timeout: client.timeout, why: Reason::MoreToRead })
}

async fn list_once(channel: Channel, request: proto::ListRequest) -> Answered<proto::ListResponse> {
    let mut client = ClientClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let mut answer = client.list(request).await?.into_inner();
    Ok(answer.refused.take().map_or(Ok(answer), Err))
}
