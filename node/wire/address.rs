//! Addresses as people write them, and the address that a node sends along with each call: a receiver that does not
//! find the sender in its member list answers there.

use std::net::{IpAddr, Ipv6Addr};

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

const ADDRESS_KEY: &str = "epoca-address";
/// The longest host name and port.
pub(crate) const ADDRESS_BYTES_MAX: usize = 262;

/// Whether the text is `HOST:PORT`: a name, an IPv4 address or an IPv6 address in brackets, and a port above 0.
pub(crate) fn is_address(text: &str) -> bool {
    check_address(text, 1).is_ok()
}

/// Checks an address; the error says what is wrong and how to write it. Port 0, any free port, is only for listening.
///
/// ```
/// use epoca::client::check_address;
///
/// assert_eq!(check_address("node-3.example.org:7101", 1), Ok(()));
/// assert!(check_address("::1:7101", 1).is_err_and(|why| why.contains("[::1]:7101")));
/// assert!(check_address("127.0.0.1:0", 1).is_err(), "port 0 is only for listening");
/// ```
pub fn check_address(text: &str, port_min: u16) -> Result<(), String> {
    let form = "write HOST:PORT, as 127.0.0.1:7101, localhost:7101 or [::1]:7101";
    if text.is_empty() || text.len() > ADDRESS_BYTES_MAX {
        return Err(format!("an address has 1 to {ADDRESS_BYTES_MAX} bytes: {form}"));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        let instead = if check_address(rest, port_min).is_ok() { format!("write {rest}") } else { form.to_owned() };
        return Err(format!("an address is a host and a port, without a scheme: {instead}"));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
    // Without brackets, `::1:7101` could also be an address without a port.
    if let Some(instead) = bracketed(text, host, port) {
        return Err(format!("an IPv6 address is written in brackets, before its port: write {instead}"));
    }
    if !is_host(host) {
        return Err(format!("{host:?} is not a host: {form}"));
    }
    if port.is_empty() {
        return Err(format!("the port is missing: write {host}:7101"));
    }
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>().ok().filter(|port| is_number && *port >= port_min) {
        Some(_) => Ok(()),
        None => Err(format!("{port:?} is not a port, a number from {port_min} to 65535: write {host}:7101")),
    }
}

/// The bracketed form of an IPv6 address that was written without brackets.
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

/// Whether the host is the unspecified address, as in `0.0.0.0:7101`: a node can listen there, but others cannot reach
/// it.
pub fn is_unspecified(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_unspecified())
}

/// This node's own address, sent with every call to another node.
#[derive(Clone, Debug)]
pub(crate) struct OwnAddress(Option<MetadataValue<Ascii>>);

impl OwnAddress {
    /// Sends nothing if the text is not an address.
    pub(crate) fn new(address: &str) -> OwnAddress {
        OwnAddress(Some(address).filter(|address| is_address(address)).and_then(|address| address.parse().ok()))
    }

    pub(crate) fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(address) = &self.0 {
            request.metadata_mut().insert(ADDRESS_KEY, address.clone());
        }
        request
    }
}

/// The valid address that the sender of a call has sent along.
pub(crate) fn sender_address(metadata: &MetadataMap) -> Option<String> {
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
        assert!(check_address("127.0.0.1:0", 0).is_ok(), "a listener may take any port");
    }

    #[test]
    fn an_invalid_address_is_refused_with_the_right_form() {
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
    fn the_senders_address_travels_with_a_call() {
        let request = OwnAddress::new("127.0.0.1:7101").request(());
        assert_eq!(sender_address(request.metadata()), Some("127.0.0.1:7101".to_owned()));
        assert_eq!(sender_address(OwnAddress::new("nowhere").request(()).metadata()), None);
        let mut metadata = MetadataMap::new();
        metadata.insert(ADDRESS_KEY, MetadataValue::from_static("http://127.0.0.1:1"));
        assert_eq!(sender_address(&metadata), None);
    }
}
