//! Addresses that no watch has business with: link-local ones and the metadata services of clouds, which hand out
//! credentials to whoever asks.
//!
//! A name is judged by the address that the connection will use, not by one resolved a moment earlier; an address written as
//! a number never comes to a resolver, so it is judged by itself. Behind a proxy it is the proxy that resolves names: there
//! only numbers are judged, and the proxy's own rules hold for the rest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Metadata and wire services outside the link-local range: Alibaba Cloud, Azure, Oracle Cloud.
const METADATA_V4: &[Ipv4Addr] = &[Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];

/// Amazon's, over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether the address is link-local or a metadata service, also inside an IPv6 address that carries an IPv4 one.
pub(crate) fn is_forbidden(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_forbidden_v4(address),
        IpAddr::V6(address) => is_forbidden_v6(address),
    }
}

fn is_forbidden_v4(address: Ipv4Addr) -> bool {
    address.is_link_local() || METADATA_V4.contains(&address)
}

fn is_forbidden_v6(address: Ipv6Addr) -> bool {
    address.is_unicast_link_local() || address == METADATA_V6 || carried_v4(address).is_some_and(is_forbidden_v4)
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn carried_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match parts {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

/// How names become addresses.
#[async_trait::async_trait]
pub trait Lookup: Send + Sync + std::fmt::Debug {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// As the system resolves names.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookup;

#[async_trait::async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// What a connection error carries when every address of a name is forbidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForbiddenAddress {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
}

impl std::fmt::Display for ForbiddenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "address [{}] of host [{}] is link-local or a metadata service, will not connect", self.address, self.host)
    }
}

impl std::error::Error for ForbiddenAddress {}

/// The resolver of the connections themselves: what it leaves out cannot be reached.
#[derive(Clone, Debug)]
pub(crate) struct GuardedResolver {
    pub(crate) lookup: Arc<dyn Lookup>,
    pub(crate) allow_link_local: bool,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found = this.lookup.lookup(name.as_str()).await?;
            let kept: Vec<SocketAddr> =
                found.iter().filter(|address| this.allow_link_local || !is_forbidden(**address)).map(|address| SocketAddr::new(*address, 0)).collect();
            match (kept.is_empty(), found.first()) {
                (true, Some(address)) => Err(ForbiddenAddress { host: name.as_str().to_owned(), address: *address }.into()),
                (true, None) => Err(std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address").into()),
                (false, _) => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_addresses_in_every_spelling() {
        for address in [
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
        ] {
            assert!(is_forbidden(address.parse().unwrap()), "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "8.8.8.8", "::1", "fd00::1", "2001:db8::1", "::ffff:127.0.0.1", "64:ff9b::808:808"] {
            assert!(!is_forbidden(address.parse().unwrap()), "{address}");
        }
    }
}
