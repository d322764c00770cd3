//! Everything that an examination can find, in one table: the code, the state, what was found, what to do about it.
//!
//! `{0}`, `{1}` … stand for the finding's values. The add-on has the same texts in the reader's language, under
//! `doctor_<code with _>` and `doctor_<code with _>_do`; a test compares the English ones. Codes are append-only.

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// Something must be done.
    NotOk,
    /// It could not be looked at, because something else is not right, or not from here.
    Unknown,
}

impl State {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotOk => "not-ok",
            Self::Unknown => "unknown",
        }
    }
}

macro_rules! findings {
    ($($name:ident = $code:literal, $state:ident, $text:literal, $advice:literal;)*) => {
        /// What was found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the texts say it")]
        #[non_exhaustive]
        pub enum Finding { $($name,)* }

        impl Finding {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable word.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Whether it is good.
            pub const fn state(self) -> State {
                match self { $(Self::$name => State::$state,)* }
            }

            /// What was found, with gaps.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What to do, with gaps; empty where nothing is to be done.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice,)* }
            }
        }
    };
}

findings! {
    ThunderbirdGood = "thunderbird-good", Ok, "Thunderbird {0} is installed in {1}.", "";
    ThunderbirdMissing = "thunderbird-missing", NotOk, "No Thunderbird was found where it is usually installed.",
        "Install Thunderbird {0} from your distribution's packages or from thunderbird.net.";
    ThunderbirdOtherVersion = "thunderbird-other-version", NotOk, "Thunderbird {0} in {1} is no version that the add-on works with.",
        "Use Thunderbird {2}, or look for a newer version of DANE S/MIME.";
    ThunderbirdSnap = "thunderbird-snap", Unknown, "Thunderbird is installed as a Snap in {0}. A Snap starts programs outside itself only through the desktop's portal.",
        "When Thunderbird asks whether the add-on may start its program, allow it. If it never asks and the program is not found, install Thunderbird as a .deb or from thunderbird.net.";
    ThunderbirdFlatpak = "thunderbird-flatpak", NotOk, "Thunderbird is installed as a Flatpak in {0}. A Flatpak cannot start programs outside itself, so the add-on never finds its own.",
        "Install Thunderbird from your distribution's packages or from thunderbird.net. Your profile can be moved there.";
    ManifestGood = "manifest-good", Ok, "The program is registered where Thunderbird looks: {0}.", "";
    ManifestMissing = "manifest-missing", NotOk, "The program is not registered where Thunderbird looks; there is no {0}.",
        "Run scripts/install, or install the package dane-smime.";
    ManifestNotRead = "manifest-not-read", Unknown, "On this system the program is registered at {0}, which is not looked at from here.", "";
    ManifestNotJson = "manifest-not-json", NotOk, "{0} cannot be understood, so Thunderbird does not find the program: {1}.",
        "Run scripts/install again, or install the package dane-smime anew.";
    ManifestField = "manifest-field", NotOk, "In {0}, the field “{1}” is missing or wrong, so Thunderbird does not find the program.",
        "Run scripts/install again, or install the package dane-smime anew.";
    ManifestForOthers = "manifest-for-others", NotOk, "{0} does not allow the add-on {1} to start the program.",
        "Run scripts/install again, or install the package dane-smime anew.";
    ProgramGood = "program-good", Ok, "Thunderbird starts the program {1}, version {0}.", "";
    ProgramMissing = "program-missing", NotOk, "{0} names a program that is not there or cannot be started: {1}.",
        "Run scripts/install again, or install the package dane-smime anew.";
    ProgramSilent = "program-silent", NotOk, "The program {0} starts and does not greet as it should.",
        "Install it anew. If that does not help, run it in a terminal with --version and see what it says.";
    ProgramOtherVersion = "program-other-version", NotOk, "Thunderbird starts version {0} of the program, {1}; this is version {2}.",
        "Two versions are installed. Remove the one in your home directory with scripts/uninstall, or bring it up to date with scripts/install.";
    SettingsGood = "settings-good", Ok, "The settings are understood: {0}.", "";
    SettingsDefault = "settings-default", Ok, "There is no settings file; everything is as it comes out of the box.", "";
    SettingsFixed = "settings-fixed", Ok, "Set by your administrator in {0}: {1}.", "";
    SettingsWrong = "settings-wrong", NotOk, "The settings cannot be used: {0}.", "Correct the line that is named. Until then nothing is done.";
    PoliciesNone = "policies-none", Ok, "No policy for the add-on is set on this computer.", "";
    PoliciesGood = "policies-good", Ok, "The policy for the add-on is understood: {0}.", "";
    PoliciesNotJson = "policies-not-json", NotOk, "{0} cannot be read, so none of its policies is in force: {1}.",
        "Correct the file, then start Thunderbird again.";
    PoliciesWrong = "policies-wrong", NotOk, "In {0} this is not understood: {1}.",
        "Correct it, then start Thunderbird again. managed-storage.schema.json says what is possible.";
    ResolverGood = "resolver-good", Ok, "The DNS answers ({0}).", "";
    ResolverWrong = "resolver-wrong", NotOk, "The DNS cannot be asked: {0}", "Correct the settings.";
    ResolverSilent = "resolver-silent", NotOk, "No DNS answer came ({0}). {1}",
        "Check the network. If other programs reach it, this DNS resolver may not know DNSSEC: name another, as in resolver = \"tls://9.9.9.9#dns.quad9.net\" in {2}.";
    DnssecGood = "dnssec-good", Ok, "Answers arrive with their DNSSEC signatures, and these are good.", "";
    DnssecStripped = "dnssec-stripped", NotOk, "DNSSEC signatures are lost on the way from the DNS ({0}), as many home routers do it. No certificate can be proven so.",
        "Ask a resolver that leaves answers as they are, over an encrypted connection: write resolver = \"tls://9.9.9.9#dns.quad9.net\" (DoT) or resolver = \"https://dns.quad9.net/dns-query\" (DoH) into {1}.";
    DnssecForged = "dnssec-forged", NotOk, "An answer from the DNS ({0}) does not stand up to its proof. {1}",
        "If you named trust anchors, check that they are those of this network's DNS. See also that this program is the newest: the keys of the DNS root change every few years. Otherwise somebody changes answers on the way: ask another resolver over an encrypted connection, as in resolver = \"tls://9.9.9.9#dns.quad9.net\" in {2}.";
    DnssecUnknown = "dnssec-unknown", Unknown, "Whether DNSSEC signatures arrive could not be seen.", "";
    SmimeaGood = "smimea-good", Ok, "Questions for SMIMEA records get through.", "";
    SmimeaBlocked = "smimea-blocked", NotOk, "Questions for SMIMEA records do not get through ({0}). {1}",
        "Ask another resolver over an encrypted connection, as in resolver = \"tls://9.9.9.9#dns.quad9.net\" in {2}.";
    SmimeaUnknown = "smimea-unknown", Unknown, "Whether questions for SMIMEA records get through could not be seen.", "";
    ClockGood = "clock-good", Ok, "The clock agrees with the signatures in the DNS.", "";
    ClockWrong = "clock-wrong", NotOk, "The clock of this computer says {0}. {1}", "Set date and time, best by the network.";
    ClockUnknown = "clock-unknown", Unknown, "The clock says {0}; there was nothing to compare it with.", "";
    KeyringGood = "keyring-good", Ok, "The keyring answers and is open.", "";
    UnlockFileGood = "unlock-file-good", Ok, "The file that unlocks the keys can be read.", "";
    KeyringLocked = "keyring-locked", NotOk, "The keyring is locked, so mail can be neither signed nor decrypted.", "Unlock it, as by logging in to your desktop.";
    KeyringMissing = "keyring-missing", NotOk, "No keyring can be reached.",
        "Log in to your desktop as usual. Without a desktop, install gnome-keyring, or name an unlock-file in the settings.";
    KeyringOther = "keyring-other", NotOk, "Your keys cannot be unlocked. {0}", "Do what the sentence says; nothing was changed.";
    KeysNone = "keys-none", NotOk, "There is no key yet, so mail can be neither signed nor decrypted.",
        "Make one: dane-smime key generate --address YOU@YOUR-DOMAIN --name \"Your Name\"";
    KeysUnreadable = "keys-unreadable", NotOk, "The keys cannot be listed. {0}", "Check who may read that directory.";
    KeyNone = "key-none", Unknown, "{0} has no key: mail from this sender goes out as ordinary mail.",
        "If it should be protected, make a key: dane-smime key generate --address {0}";
    KeyGood = "key-good", Ok, "{0} has a key that signs and decrypts, until {1}.", "";
    KeyExpiresSoon = "key-expires-soon", NotOk, "The certificate of {0} expires on {1}.",
        "Make the next key now, so that both can be published side by side: dane-smime key rotate --address {0}";
    KeyNotUsable = "key-not-usable", NotOk, "{0} has keys, and none of them can be used now both to sign and to decrypt: expired, retired, or not made for it.",
        "Make a new one: dane-smime key generate --address {0}. The old ones go on decrypting old mail.";
    TokenGood = "token-good", Ok, "The token “{0}” is there, with the key of {1}.", "";
    TokenHidden = "token-hidden", Unknown, "The token “{0}” is there. Whether it has the key of {1} it shows only to who enters its PIN.", "";
    TokenMissing = "token-missing", NotOk, "The token “{0}” with the key of {1} is not there.",
        "Plug it in before you write or read protected mail. For a smart card, see that its reader is known to the system.";
    TokenLocked = "token-locked", NotOk, "The token “{0}” with the key of {1} is locked: a wrong PIN was entered too often.",
        "Unlock it with its PUK, in the token's own software.";
    TokenOtherKey = "token-other-key", NotOk, "On the token “{0}” another key has taken the place of the one of {1}.",
        "Take the new one into use: dane-smime key token add --module FILE. What was encrypted to the old one can only be read with that.";
    TokenBroken = "token-broken", NotOk, "The token “{0}” with the key of {1} cannot be used. {2}",
        "If its software lies in another place now, name that: dane-smime key token add --module FILE";
    PinentryGood = "pinentry-good", Ok, "There is a program that asks for the PIN of a token.", "";
    PinentryMissing = "pinentry-missing", NotOk, "There is no program on this computer that asks for the PIN of a token.",
        "Install one: pinentry-gnome3 or pinentry-qt.";
    RecordGood = "record-good", Ok, "The DNS serves the certificate of {0}, and proves it.", "";
    RecordMissing = "record-missing", NotOk, "The DNS has no certificate for {0}, and proves that: correspondents cannot encrypt to you or check your signature.",
        "Publish it: dane-smime record {0} --cert {1} prints the lines for whoever runs the domain's DNS.";
    RecordOther = "record-other", NotOk, "The DNS serves another certificate for {0} than the one in use here.",
        "Publish this one beside it: dane-smime record {0} --cert {1}";
    RecordForeign = "record-foreign", NotOk, "The DNS serves the certificate of {0}, and {1} more whose key is not here: mail encrypted to those cannot be read here.",
        "Remove them from the DNS, unless another device of yours has their keys.";
    RecordRetired = "record-retired", NotOk, "The DNS still serves a certificate of {0} that was retired here: correspondents may go on using it.",
        "Remove its record from the DNS.";
    RecordInsecure = "record-insecure", NotOk, "The domain of {0} is not secured with DNSSEC, so nobody can trust what it says about certificates.",
        "Whoever runs the domain's DNS must sign it and put the DS record into the zone above.";
    RecordBogus = "record-bogus", NotOk, "What the DNS says about {0} does not stand up to its proof. {1}",
        "Whoever runs the domain's DNS should look at its signatures: they may have expired.";
    RecordUnreachable = "record-unreachable", Unknown, "What the DNS says about {0} could not be learned.", "Try again later.";
    AuthoritiesWrong = "authorities-wrong", NotOk, "The certificate authorities of the settings cannot be used, so mail is neither encrypted nor checked: {0}",
        "Put the file in its place, or correct ca-file and crl-file in the settings.";
    ProvisionGood = "provision-good", Ok, "Keys are made unasked for {0}.", "";
    ProvisionWrong = "provision-wrong", NotOk, "Keys are to be made unasked, which cannot be done as the settings say: {0}.",
        "Correct [provision] in the settings, then start Thunderbird again.";
    AuditGood = "audit-good", Ok, "The audit log can be written: {0}.", "";
    AuditUnwritable = "audit-unwritable", NotOk, "The audit log {0} cannot be written, so no mail can be protected: {1}.",
        "Let users add to the file, or take audit-log out of the settings.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_advice_stands_where_something_is_to_be_done() {
        let mut codes: Vec<_> = Finding::ALL.iter().map(|finding| finding.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Finding::ALL.len());
        for finding in Finding::ALL {
            let code = finding.code();
            assert!(finding.state() != State::NotOk || !finding.advice().is_empty(), "{code}");
            assert!(finding.state() != State::Ok || finding.advice().is_empty(), "{code}");
        }
    }
}
