/** Names the senders of this profile to the host at each start: where the administrator wants it, it makes keys that are missing. */

const PROVISION_MS = 60_000;

/** @param {import("./host.js").Host} host */
export function startProvision(host) {
  const provision = async () => {
    try {
      if (!(await host.features()).includes("provision")) {
        return; // an older program
      }
      const accounts = await browser.accounts.list(false);
      const addresses = accounts.flatMap(({ identities }) => identities.flatMap(({ email }) => (email ? [email] : [])));
      await host.request("provision", { addresses: [...new Set(addresses)] }, { deadlineMs: PROVISION_MS });
    } catch (error) {
      // It is tried again at the next start, and the doctor looks at keys and records meanwhile.
      console.error(error);
    }
  };
  browser.runtime.onStartup.addListener(provision);
  browser.runtime.onInstalled.addListener(provision);
}
