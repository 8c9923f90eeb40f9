//! The address that a node tells beside each call: where it can be reached itself. Whoever hears from a node that its
//! member list does not name needs it for the answer.

use std::net::{IpAddr, Ipv6Addr};

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

const ADDRESS_KEY: &str = "epoca-address";
/// No host name is longer, with its port.
pub const ADDRESS_BYTES_MAX: usize = 262;

/// Whether the text is `HOST:PORT`: a name, an IPv4 address or an IPv6 address in brackets, and a port above 0.
pub fn is_address(text: &str) -> bool {
    check_address(text, 1).is_ok()
}

/// What is wrong with an address, and how it is written. Port 0, any that is free, is for those who listen.
///
/// ```
/// use epoca::client::check_address;
///
/// assert_eq!(check_address("node-3.example.org:7101", 1), Ok(()));
/// assert!(check_address("::1:7101", 1).is_err_and(|why| why.contains("[::1]:7101")));
/// assert!(check_address("127.0.0.1:0", 1).is_err(), "port 0 is for those who listen");
/// ```
pub fn check_address(text: &str, port_min: u16) -> Result<(), String> {
    let form = "write HOST:PORT, as 127.0.0.1:7101, localhost:7101 or [::1]:7101";
    if text.is_empty() || text.len() > ADDRESS_BYTES_MAX {
        return Err(format!("an address has 1 to {ADDRESS_BYTES_MAX} bytes: {form}"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        let instead = if check_address(rest, port_min).is_ok() { format!("write {rest}") } else { form.to_owned() };
        return Err(format!("an address is a host and a port alone, without a scheme: {instead}"));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    // Bare, `::1:7101` reads as an address without a port, too.
    if let Some(instead) = bracketed(text, host, port) {
        return Err(format!("an IPv6 address stands in brackets, before its port: write {instead}"));
    }
    if !is_host(host) {
        return Err(format!("{host:?} is no host: {form}"));
    }
    if port.is_empty() {
        return Err(format!("the port is missing: write {host}:7101"));
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>().ok().filter(|port| is_number && *port >= port_min) {
        Some(_) => Ok(()),
        None => Err(format!("{port:?} is no port, a number from {port_min} to 65535: write {host}:7101")),
    }
}

/// How an IPv6 address is meant that was written without brackets, if it is one.
fn bracketed(text: &str, host: &str, port: &str) -> Option<String> {
    let is_bare = |host: &str| host.parse::<Ipv6Addr>().is_ok();
    match port.parse::<u16>() {
        Ok(port) if is_bare(host) => Some(format!("[{host}]:{port}")),
        _ if is_bare(text) => Some(format!("[{text}]:7101")),
        _ => None,
    }
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)),
    }
}

/// Whether the host means every address of the machine that says it, as `0.0.0.0:7101`: one can listen there, and
/// nobody else can reach it.
pub fn is_unspecified(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_unspecified())
}

/// This node's own address, as it goes with every call to another one.
#[derive(Clone, Debug)]
pub(crate) struct OwnAddress(Option<MetadataValue<Ascii>>);

impl OwnAddress {
    /// Nothing is told if the text is no address.
    pub(crate) fn new(address: &str) -> OwnAddress {
        OwnAddress(Some(address).filter(|address| is_address(address)).and_then(|address| address.parse().ok()))
    }

    pub(crate) fn beside<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(address) = &self.0 {
            request.metadata_mut().insert(ADDRESS_KEY, address.clone());
        }
        request
    }
}

/// The address that the sender of a call has told, if it is one.
pub(crate) fn told(metadata: &MetadataMap) -> Option<String> {
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
        assert!(check_address("127.0.0.1:0", 0).is_ok(), "whoever listens may take any port");
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_with_the_right_form() {
        let said = [
            ("::1:7101", "[::1]:7101"),
            ("::1", "[::1]:7101"),
            ("fe80::1:2:7101", "[fe80::1:2]:7101"),
            ("[::1]", "[::1]:7101"),
            ("[::1", "[::1]:7101"),
            ("[nonsense]:7101", "[::1]:7101"),
            ("localhost", "localhost:7101"),
            ("localhost:", "localhost:7101"),
            ("localhost:99999", "1 to 65535"),
            ("localhost:+1", "1 to 65535"),
            ("http://localhost:7101/", "write localhost:7101"),
            ("a host:7101", "HOST:PORT"),
            ("", "HOST:PORT"),
        ];
        for (wrong, right) in said {
            let why = check_address(wrong, 1).expect_err(wrong);
            assert!(why.contains(right), "{wrong:?}: {why}");
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
