//! A record as it stands in a zone file, and as an update of a zone takes it.

use super::record::{Matching, Selector};
use super::{OwnerName, SmimeaRecord};
use crate::x509::Certificate;

/// A record with its name, ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneRecord {
    /// Where it stands.
    pub owner_name: OwnerName,
    /// Usage, selector and matching type.
    pub fields: [u8; 3],
    /// The certificate association data.
    pub data: Vec<u8>,
}

impl ZoneRecord {
    /// The record that names a certificate in this way.
    pub fn naming(
        certificate: &Certificate,
        owner_name: OwnerName,
        usage: u8,
        selector: Selector,
        matching: Matching,
    ) -> Self {
        let data = SmimeaRecord::data_for(certificate, selector, matching);
        let selector = match selector {
            Selector::Certificate => 0,
            Selector::PublicKey => 1,
        };
        let matching = match matching {
            Matching::Exact => 0,
            Matching::Sha256 => 1,
            Matching::Sha512 => 2,
        };
        Self { owner_name, fields: [usage, selector, matching], data }
    }

    /// `NAME. IN SMIMEA 3 0 0 HEX` (RFC 8162 section 2). The 2014 guide's private type has no
    /// mnemonic; there it is the generic form.
    pub fn mnemonic(&self) -> String {
        if self.owner_name.record_type() != crate::dns::RecordType::SMIMEA {
            return self.generic();
        }
        let [usage, selector, matching] = self.fields;
        format!("{} IN SMIMEA {usage} {selector} {matching} {}", self.owner_name, hex::encode(&self.data))
    }

    /// `NAME. IN TYPE53 \# LEN HEX` (RFC 3597 section 5), which every name server reads.
    pub fn generic(&self) -> String {
        format!("{} IN {}", self.owner_name, self.generic_data())
    }

    /// The order with which `nsupdate` (RFC 2136) adds the record.
    pub fn update_add(&self, ttl: u32) -> String {
        format!("update add {} {ttl} IN {}", self.owner_name, self.generic_data())
    }

    /// The order with which `nsupdate` takes exactly this record away.
    pub fn update_delete(&self) -> String {
        format!("update delete {} IN {}", self.owner_name, self.generic_data())
    }

    /// Octets of the record data.
    pub fn length(&self) -> usize {
        self.data.len().saturating_add(self.fields.len())
    }

    fn generic_data(&self) -> String {
        let number = u16::from(self.owner_name.record_type());
        let (fields, data) = (hex::encode(self.fields), hex::encode(&self.data));
        format!("TYPE{number} \\# {} {fields}{data}", self.length())
    }
}
