//! The address that a node tells beside each call: where it can be reached itself. Whoever hears from a node that its
//! member list does not name needs it for the answer.

use std::net::IpAddr;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

const ADDRESS_KEY: &str = "epoca-address";
/// No host name is longer, with its port.
pub const ADDRESS_BYTES_MAX: usize = 262;

/// Whether the text is `HOST:PORT` and no longer than such a thing can be.
pub fn is_address(text: &str) -> bool {
    let host_is_plain = |host: &str| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_[]:%".contains(&byte))
    };
    let parts = text.rsplit_once(':').filter(|_| text.len() <= ADDRESS_BYTES_MAX);
    parts.is_some_and(|(host, port)| host_is_plain(host) && port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// Whether the host means every address of the machine that says it, as `0.0.0.0:7101`: one can listen there, and nobody else
/// can reach it.
pub fn is_unspecified(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_unspecified())
}

/// This node's own address, as it goes with every call to another one.
#[derive(Clone, Debug)]
pub(super) struct OwnAddress(Option<MetadataValue<Ascii>>);

impl OwnAddress {
    /// Nothing is told if the text is no address.
    pub(super) fn new(address: &str) -> OwnAddress {
        OwnAddress(Some(address).filter(|address| is_address(address)).and_then(|address| address.parse().ok()))
    }

    pub(super) fn beside<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(address) = &self.0 {
            request.metadata_mut().insert(ADDRESS_KEY, address.clone());
        }
        request
    }
}

/// The address that the sender of a call has told, if it is one.
pub(super) fn told(metadata: &MetadataMap) -> Option<String> {
    let text = metadata.get(ADDRESS_KEY)?.to_str().ok()?;
    is_address(text).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for address in ["127.0.0.1:7101", "localhost:1", "[::1]:7101", "node-3.example.org:65535"] {
            assert!(is_address(address), "{address}");
        }
        let long = format!("{}:7101", "h".repeat(ADDRESS_BYTES_MAX));
        for wrong in
            ["", "host", ":7101", "host:", "host:0", "host:65536", "a host:1", "host/path:1", "http://h:1", &long]
        {
            assert!(!is_address(wrong), "{wrong}");
        }
    }

    #[test]
    fn every_address_of_a_machine_is_no_place_where_others_reach_it() {
        for address in ["0.0.0.0:7101", "[::]:7101", ":::7101", "[::ffff:0.0.0.0]:1", "0.0.0.0"] {
            assert!(is_unspecified(address), "{address}");
        }
        for address in ["127.0.0.1:7101", "[::1]:7101", "localhost:7101", "10.0.0.0:1"] {
            assert!(!is_unspecified(address), "{address}");
        }
    }

    #[test]
    fn what_one_node_tells_beside_a_call_the_other_one_hears() {
        let request = OwnAddress::new("127.0.0.1:7101").beside(());
        assert_eq!(told(request.metadata()), Some("127.0.0.1:7101".to_owned()));
        assert_eq!(told(OwnAddress::new("nowhere").beside(()).metadata()), None);
        let mut metadata = MetadataMap::new();
        metadata.insert(ADDRESS_KEY, MetadataValue::from_static("http://127.0.0.1:1"));
        assert_eq!(told(&metadata), None);
    }
}
