//! What an answer is called.

use dane_smime::dns::Answer;

/// The contract's word for its verdict.
pub fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Secure(_) => "secure",
        Answer::Absent(_) => "absent",
        Answer::Insecure(_) => "insecure",
        Answer::Bogus(_) => "bogus",
        Answer::Unreachable(_) => "unreachable",
    }
}
