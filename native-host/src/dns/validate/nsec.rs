//! What one NSEC record says (RFC 4034 section 4, RFC 6840 section 4).

use hickory_resolver::proto::dnssec::rdata::NSEC;

use crate::dns::{DomainName, RecordType};

/// A proven NSEC record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nsec<'m> {
    owner: &'m DomainName,
    nsec: &'m NSEC,
    apex: &'m DomainName,
}

impl<'m> Nsec<'m> {
    /// Takes a record whose signature by the zone `apex` has been checked. `None` if it reaches
    /// out of that zone.
    pub(super) fn new(owner: &'m DomainName, nsec: &'m NSEC, apex: &'m DomainName) -> Option<Self> {
        let inside = apex.zone_of(owner) && apex.zone_of(nsec.next_domain_name());
        inside.then_some(Self { owner, nsec, apex })
    }

    pub(super) fn owner(&self) -> &'m DomainName {
        self.owner
    }

    pub(super) fn has(&self, record_type: RecordType) -> bool {
        self.nsec.type_set().contains(record_type)
    }

    /// Whether it stands at a delegation: the parent's side, which says nothing of what is below.
    pub(super) fn is_delegation(&self) -> bool {
        self.has(RecordType::NS) && !self.has(RecordType::SOA)
    }

    /// Whether it proves that there is nothing at `name` (there may be something below it). An
    /// NSEC at a delegation or a DNAME above the name proves nothing of the kind (RFC 6840
    /// section 4.1, RFC 6672 section 5.3.4.1).
    pub(super) fn covers(&self, name: &DomainName) -> bool {
        let next = self.nsec.next_domain_name();
        // The zone's last NSEC leads back to the apex.
        let between = *self.owner < *name && (*name < *next || *next == *self.apex);
        let above = self.owner.zone_of(name) && (self.is_delegation() || self.has(RecordType::DNAME));
        self.apex.zone_of(name) && between && !above
    }

    /// Whether the record, covering `name`, shows something below it: an empty non-terminal.
    pub(super) fn shows_below(&self, name: &DomainName) -> bool {
        name.zone_of(self.nsec.next_domain_name())
    }

    /// The closest encloser of a name that it covers: the deepest existing name above it.
    pub(super) fn closest_encloser(&self, name: &DomainName) -> DomainName {
        let common = |other: &DomainName| {
            let both = name.iter().rev().zip(other.iter().rev());
            both.take_while(|(one, two)| one.eq_ignore_ascii_case(two)).count()
        };
        name.trim_to(common(self.owner).max(common(self.nsec.next_domain_name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> DomainName {
        DomainName::from_ascii(text).unwrap()
    }

    fn covers(owner: &str, next: &str, types: &[RecordType], covered: &str) -> bool {
        let (apex, owner) = (name("example."), name(owner));
        let nsec = NSEC::new(name(next), types.iter().copied());
        Nsec::new(&owner, &nsec, &apex).is_some_and(|nsec| nsec.covers(&name(covered)))
    }

    #[test]
    fn spans() {
        let a = [RecordType::A];
        assert!(covers("a.example.", "d.example.", &a, "b.example."));
        assert!(covers("a.example.", "d.example.", &a, "x.a.example."));
        assert!(!covers("a.example.", "d.example.", &a, "a.example."));
        assert!(!covers("a.example.", "d.example.", &a, "d.example."));
        assert!(!covers("a.example.", "d.example.", &a, "e.example."));
        assert!(covers("x.example.", "example.", &a, "z.example."), "the last one leads back to the apex");
        assert!(!covers("x.example.", "example.", &a, "b.example."));
        assert!(!covers("x.example.", "c.example.", &a, "z.example."), "only the apex ends the zone");
        assert!(!covers("x.example.", "example.", &a, "z.other."));
    }

    #[test]
    fn what_is_not_the_zones_to_say() {
        let delegation = [RecordType::NS];
        assert!(!covers("a.example.", "d.example.", &delegation, "x.a.example."));
        assert!(covers("a.example.", "d.example.", &delegation, "b.example."));
        assert!(!covers("a.example.", "d.example.", &[RecordType::DNAME], "x.a.example."));
        assert!(
            !covers("a.example.", "d.other.", &[RecordType::A], "b.example."),
            "next name out of the zone"
        );
    }

    #[test]
    fn closest_enclosers() {
        let (apex, owner) = (name("example."), name("b.c.example."));
        let nsec = NSEC::new(name("x.y.d.example."), [RecordType::A]);
        let nsec = Nsec::new(&owner, &nsec, &apex).unwrap();
        assert_eq!(nsec.closest_encloser(&name("q.w.c.example.")), name("c.example."));
        assert_eq!(nsec.closest_encloser(&name("a.d.example.")), name("d.example."));
        assert!(nsec.shows_below(&name("d.example.")));
        assert!(!nsec.shows_below(&name("cc.example.")));
    }
}
