//! Mail between people whose domain publishes their certificates in a real signed DNS: protected
//! and opened by the command line and by the host, with OpenSSL as referee, and what must not pass.

#[path = "../../support/certificates.rs"]
mod certificates;
#[path = "../../support/command_line.rs"]
mod command_line;
mod host;
#[path = "../../support/host_client.rs"]
mod host_client;
#[path = "../../support/letters.rs"]
mod letters;
mod opening;
mod sending;
#[path = "../../support/signed_tree.rs"]
mod signed_tree;
mod vouching;

/// Words of [`BODY`]. Base64 has no blanks, so that a ciphertext cannot hold them by chance.
const SECRET: &str = "meet me at noon";

const SECRET_LINE: &str = "Dear Bob,\r\nmeet me at noon.\r\n";
