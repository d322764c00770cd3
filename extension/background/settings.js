/**
 * What is wanted by default: the administrator's policy (storage.managed) over the user's own settings (storage.local).
 * Shape of both, every key optional:
 *
 *     {"defaults": {"sign": "always|never|ask", "encrypt": "required|possible|never"},
 *      "accounts": [{"match": "alice@example.test or *@example.test", "sign": …, "encrypt": …}],
 *      "locked": ["defaults", "accounts"]}
 */

const SIGN = ["always", "never", "ask"];
const ENCRYPT = ["required", "possible", "never"];

/**
 * @typedef {{ sign?: "always" | "never" | "ask", encrypt?: "required" | "possible" | "never" }} Wishes
 * @typedef {{ defaults: Wishes, accounts: (Wishes & { match: string })[], locked: string[] }} Settings
 */

/** @returns {Promise<{ managed: Settings, local: Settings }>} */
export async function readSettings() {
  return {
    managed: parseSettings(await managedStorage()),
    local: parseSettings(await browser.storage.local.get(["defaults", "accounts"])),
  };
}

/** @returns {Promise<unknown>} */
async function managedStorage() {
  try {
    return await browser.storage.managed.get();
  } catch (error) {
    // Thunderbird's words where there is no policy for us. Any other failure must not make a policy disappear.
    if (/managed storage manifest not found/i.test(String(error))) {
      return {};
    }
    throw error;
  }
}

/**
 * Takes what others wrote. A value that is not understood is left out, except that a wish to encrypt or sign is never
 * weakened by a typing error: it then counts as the strictest.
 *
 * @param {any} raw
 * @returns {Settings}
 */
export function parseSettings(raw) {
  const accounts = Array.isArray(raw?.accounts) ? raw.accounts : [];
  return {
    defaults: parseWishes(raw?.defaults),
    accounts: accounts
      .filter((/** @type {any} */ account) => typeof account?.match === "string")
      .map((/** @type {any} */ account) => ({ match: account.match, ...parseWishes(account) })),
    locked: Array.isArray(raw?.locked)
      ? raw.locked.filter((/** @type {unknown} */ key) => typeof key === "string")
      : [],
  };
}

/** @param {any} raw @returns {Wishes} */
function parseWishes(raw) {
  /** @type {any} */
  const wishes = {};
  if (raw?.sign !== undefined) {
    wishes.sign = SIGN.includes(raw.sign) ? raw.sign : "always";
  }
  if (raw?.encrypt !== undefined) {
    wishes.encrypt = ENCRYPT.includes(raw.encrypt) ? raw.encrypt : "required";
  }
  return wishes;
}

/**
 * The wishes for one sender: of each list the first account that fits, over the defaults; all of the policy over all of
 * the user's. What nobody wished for is left out.
 *
 * @param {string} address
 * @param {{ managed: Settings, local: Settings }} settings
 * @returns {Wishes & { byPolicy: { sign: boolean, encrypt: boolean } }}
 */
export function wishesFor(address, { managed, local }) {
  const policy = { ...managed.defaults, ...accountOf(address, managed.accounts) };
  const own = {
    ...(managed.locked.includes("defaults") ? {} : local.defaults),
    ...(managed.locked.includes("accounts") ? {} : accountOf(address, local.accounts)),
  };
  return {
    ...own,
    ...policy,
    byPolicy: { sign: policy.sign !== undefined, encrypt: policy.encrypt !== undefined },
  };
}

/** @param {string} address @param {Settings["accounts"]} accounts @returns {Wishes} */
function accountOf(address, accounts) {
  const wanted = address.toLowerCase();
  const found = accounts.find(({ match }) => {
    const pattern = match.toLowerCase();
    return pattern.startsWith("*@") ? wanted.endsWith(pattern.slice(1)) : wanted === pattern;
  });
  const { match: _match, ...wishes } = found ?? { match: "" };
  return wishes;
}
