/** Whom the user writes as, from the accounts of Thunderbird. */

/** All sender addresses, each once, with the name and the identity that belong to it. */
export async function senders() {
  const accounts = await browser.accounts.list(false);
  /** @type {Map<string, { address: string, name: string, identityId: string }>} */
  const found = new Map();
  for (const { email, name, id } of accounts.flatMap(({ identities }) => identities)) {
    if (email && !found.has(email)) {
      found.set(email, { address: email, name: name ?? "", identityId: id ?? "" });
    }
  }
  return [...found.values()];
}
