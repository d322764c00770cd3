/** Spellings of one mail address, for comparing. Who is written to, and with which certificate, the host decides. Pure. */

/**
 * The same text for what leads to the same mailbox: the domain as the DNS spells it (RFC 5890), the local part without needless
 * quotes (RFC 5322 section 3.2.4), and all of it in lower case, because rules are written by people.
 *
 * @param {string} address `*@domain` is one, too
 */
export function comparable(address) {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at + 1).normalize("NFC");
  const [, quoted] = /^"((?:[^"\\]|\\.)*)"@$/.exec(local) ?? [];
  const plain = quoted?.replace(/\\(.)/g, "$1");
  return `${plain === undefined ? local : `${plain}@`}${domain(address.slice(at + 1))}`.toLowerCase();
}

/**
 * An address with its local part in small letters. Keyboards of phones write a capital at the beginning, and no certificate is
 * looked for under another spelling than the writer's (RFC 8162 section 4): so that is for people to see.
 *
 * @param {string} address
 */
export function inSmallLetters(address) {
  const at = address.lastIndexOf("@");
  return address.slice(0, at).toLowerCase() + address.slice(at);
}

/** @param {string} text */
function domain(text) {
  const bare = text.replace(/\.$/, "");
  if (/[\s/?#\\:@%]/.test(bare)) {
    return bare; // no domain, and a URL would read it as something else
  }
  try {
    return new URL(`http://${bare}`).hostname;
  } catch {
    return bare;
  }
}
