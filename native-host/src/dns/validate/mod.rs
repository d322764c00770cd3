//! The validator: believes an answer only from a trust anchor down, or not at all.
//!
//! hickory 0.26.3, whose types, signature checks and hashes are used here, can be tricked by
//! replayed wildcards and forged denials, and calls some good answers bogus. So the rules are
//! applied here, one file a subject:
//!
//! * [`session`]: what one look-up asks, remembers and may cost; why it stops.
//! * [`rrset`]: a record set and its signatures (RFC 4035 section 5.3).
//! * [`chain`]: from an anchor down to a zone's keys; delegations signed, unsigned and absent
//!   (RFC 4035 section 5.2).
//! * [`nsec`] and [`nsec3`]: what one denial record says (RFC 4034 section 4, RFC 5155).
//! * [`denial`]: what several of them prove together (RFC 4035 section 5.4, RFC 5155 section 8).
//! * [`walk`]: the question itself: answers, wildcards, aliases.
//!
//! A zone is entered only through a proven DS record; no NS record is asked for or believed; a
//! proof is never remembered beyond its look-up. What fails is bogus only if it cannot be proven
//! insecure: the names above the failure are then walked down one by one.
//!
//! # Limitations
//! Class IN only. RSA/SHA-1 is still checked, as RFC 9905 section 2 demands of programs, although it
//! wants those who run a resolver to take such zones for unsigned; Ed448, GOST and DSA make a zone
//! insecure; RSA keys of less than 1024 bits prove nothing. Bogus, although honest: a question for the
//! CNAME that a DNAME makes, a name that a DNAME makes too long, and a name that is there for the
//! sake of unsigned delegations below it alone, in an opted-out zone (RFC 5155 erratum 3441). No
//! address is looked up by any of these.

mod chain;
mod denial;
mod nsec;
mod nsec3;
mod rrset;
mod session;
mod walk;

pub(super) use session::Session;
