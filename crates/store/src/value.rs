//! The typed values a document has in a field: what queries compare, sorting orders and columns store.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// One value, coerced to its field's type.
#[derive(Clone, Debug)]
pub enum Value {
    Keyword(Arc<str>),
    /// `long`, `integer`, `short`, `byte`.
    Long(i64),
    /// `unsigned_long`.
    Unsigned(u64),
    /// `double`, `float`, `half_float` (already rounded to their precision), `scaled_float` (rounded to its scale).
    Double(f64),
    Bool(bool),
    /// Milliseconds since the epoch; nanoseconds for `date_nanos`.
    Date(i64),
    /// The sixteen bytes of IPv6; IPv4 is mapped.
    Ip(u128),
}

impl Value {
    #[must_use]
    pub fn ip(address: IpAddr) -> Value {
        let six = match address {
            IpAddr::V4(four) => four.to_ipv6_mapped(),
            IpAddr::V6(six) => six,
        };
        Value::Ip(u128::from(six))
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Bool(_) => 0,
            Value::Long(_) => 1,
            Value::Unsigned(_) => 2,
            Value::Double(_) => 3,
            Value::Date(_) => 4,
            Value::Ip(_) => 5,
            Value::Keyword(_) => 6,
        }
    }
}

/// An address as Elasticsearch prints it: mapped IPv4 as IPv4.
#[must_use]
pub fn ip_text(bits: u128) -> String {
    let six = Ipv6Addr::from(bits);
    six.to_ipv4_mapped().map_or_else(|| six.to_string(), |four| four.to_string())
}

/// Values of one type by that type's order (keywords by bytes, NaN last); different types by type, so that the order is total.
impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Keyword(a), Value::Keyword(b)) => a.cmp(b),
            (Value::Long(a), Value::Long(b)) | (Value::Date(a), Value::Date(b)) => a.cmp(b),
            (Value::Unsigned(a), Value::Unsigned(b)) => a.cmp(b),
            (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Ip(a), Value::Ip(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}
