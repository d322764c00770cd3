/**
 * What is wanted: the administrator's policy (storage.managed) over the user's own settings (storage.local). The shape of
 * both, every key optional; manifests/policies/managed-storage.schema.json says the same to machines:
 *
 *     {"defaults": {"sign": "always|never|ask", "encrypt": "required|possible|never", "unattended": "refused|allowed"},
 *      "accounts": [{"match": "alice@example.test or *@example.test", "sign": …, "encrypt": …, "unattended": …,
 *                    "subject": "hidden|readable", "forms": ["opaque", …], "certificate": SHA-256}],
 *      "encrypt_to": ["*@bank.example", "bob@example.test"],
 *      "offer_unencrypted": true,
 *      "patience": 1,
 *      "open_with": "addon|thunderbird",
 *      "locked": ["defaults", "accounts"]}
 *
 * `subject`: what becomes of it where the mail is encrypted (RFC 9788).
 * `forms`: unusual forms of S/MIME, for correspondents who need them: `opaque` (the signed text inside the signature object),
 * `triple` (signed once more around the encryption, RFC 2634), `nocerts` (no certificates in the signature), `wrap` (the whole
 * message inside, RFC 8551 section 3.1).
 * `unattended`: what becomes of mail that leaves without a compose window, and so unencrypted (receipts, calendar replies,
 * filters, other add-ons), where encryption is required.
 * `patience`: a factor for how long the host may take; 2 on a slow computer or line.
 * `open_with`: who opens S/MIME mail, this add-on or Thunderbird's own S/MIME with its own certificate store.
 * `certificate`, `encrypt_to` and `offer_unencrypted` are the policy's alone: which of their own keys users use is kept by the
 * host (`select`), because it knows when one expires and another follows. What concerns the host (resolver, trust anchors, sources of
 * certificates) is not here: the host reads that itself, from files that only an administrator can write.
 */

import { comparable } from "./address.js";

const SIGN = ["always", "never", "ask"];
const ENCRYPT = ["required", "possible", "never"];
const SUBJECT = ["hidden", "readable"];
const UNATTENDED = ["refused", "allowed"];
export const FORMS = ["opaque", "triple", "nocerts", "wrap"];
const OPEN_WITH = ["addon", "thunderbird"];
const LOCKABLE = ["defaults", "accounts"];

/** The fingerprint of nothing: what a sender is to use who was given one that is none. No mail is sent with another in its place. */
const NO_CERTIFICATE = "0".repeat(64);

/** Settings of the host, which somebody may look for here. */
const OF_THE_HOST = ["resolver", "trust-anchor", "ca-file", "sources", "provision", "log", "audit-log"];

/**
 * @typedef {object} Wishes
 * @property {"always" | "never" | "ask"} [sign]
 * @property {"required" | "possible" | "never"} [encrypt]
 * @property {"hidden" | "readable"} [subject]
 * @property {"refused" | "allowed"} [unattended]
 * @property {string[]} [forms]
 * @property {string} [certificate]
 *
 * @typedef {{ defaults: Wishes, accounts: (Wishes & { match: string })[], locked: string[], encryptTo: string[],
 *   offerUnencrypted: boolean, patience: number | null, openWith: "addon" | "thunderbird" | null }} Settings
 * @typedef {object} Problem what is wrong in what somebody wrote
 * @property {string} key where, such as `accounts[0].encrypt`
 * @property {"unknown-key" | "wrong-value" | "of-the-host" | "unreadable"} what
 */

/** Where the last policy that could be read is kept. */
const LAST_POLICY = "last_policy";

/** @returns {Promise<{ managed: Settings, local: Settings, problems: Problem[] }>} `problems`: the policy's */
export async function readSettings() {
  const { unreadable } = await browser.danePolicies.getState();
  const policy = unreadable ? await lastPolicy() : await managedStorage();
  if (!unreadable && JSON.stringify(policy) !== JSON.stringify(await lastPolicy())) {
    await browser.storage.local.set({ [LAST_POLICY]: policy });
  }
  return {
    managed: parseSettings(policy),
    local: parseSettings(await browser.storage.local.get(["defaults", "accounts", "patience", "open_with"])),
    problems: [
      ...(unreadable ? [{ key: "policies.json", what: /** @type {const} */ ("unreadable") }] : []),
      ...problemsOf(policy),
    ],
  };
}

/**
 * The policy that was in force when Thunderbird could read it last. A comma too many in policies.json must not take away what
 * an administrator required.
 *
 * @returns {Promise<unknown>}
 */
async function lastPolicy() {
  const { [LAST_POLICY]: policy } = await browser.storage.local.get(LAST_POLICY);
  return policy ?? {};
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
  const accounts = listOf(raw?.accounts);
  return {
    defaults: parseWishes(raw?.defaults),
    accounts: accounts
      .filter((/** @type {any} */ account) => typeof account?.match === "string")
      .map((/** @type {any} */ account) => ({ match: account.match, ...parseWishes(account) })),
    locked: parseLocked(raw?.locked),
    encryptTo: texts(raw?.encrypt_to),
    offerUnencrypted: raw?.offer_unencrypted === undefined || raw.offer_unencrypted === true,
    patience: isPatience(raw?.patience) ? raw.patience : null,
    openWith: OPEN_WITH.includes(raw?.open_with) ? raw.open_with : null,
  };
}

/**
 * Who opens S/MIME mail.
 *
 * @param {{ managed: Settings, local: Settings }} settings
 * @returns {{ openWith: "addon" | "thunderbird", byPolicy: boolean }}
 */
export function openerIn({ managed, local }) {
  return { openWith: managed.openWith ?? local.openWith ?? "addon", byPolicy: managed.openWith !== null };
}

/**
 * How much longer than usual the program may take.
 *
 * @param {{ managed: Settings, local: Settings }} settings
 * @returns {{ patience: number, byPolicy: boolean }}
 */
export function patienceIn({ managed, local }) {
  return { patience: managed.patience ?? local.patience ?? 1, byPolicy: managed.patience !== null };
}

/** What cannot be understood locks all that can be locked. @param {any} raw @returns {string[]} */
function parseLocked(raw) {
  const names = raw === undefined ? [] : listOf(raw);
  return names.every((name) => LOCKABLE.includes(name)) ? names : LOCKABLE;
}

/** @param {any} raw @returns {Wishes} */
function parseWishes(raw) {
  if (raw !== undefined && !isObject(raw)) {
    return { sign: "always", encrypt: "required" };
  }
  /** @type {any} */
  const wishes = {};
  if (raw?.sign !== undefined) {
    wishes.sign = SIGN.includes(raw.sign) ? raw.sign : "always";
  }
  if (raw?.encrypt !== undefined) {
    wishes.encrypt = ENCRYPT.includes(raw.encrypt) ? raw.encrypt : "required";
  }
  if (raw?.subject !== undefined) {
    wishes.subject = SUBJECT.includes(raw.subject) ? raw.subject : "hidden";
  }
  if (raw?.unattended !== undefined) {
    wishes.unattended = UNATTENDED.includes(raw.unattended) ? raw.unattended : "refused";
  }
  if (raw?.forms !== undefined) {
    wishes.forms = texts(raw.forms).filter((form) => FORMS.includes(form));
  }
  if (raw?.certificate !== undefined) {
    wishes.certificate = isFingerprint(raw.certificate) ? raw.certificate.toLowerCase() : NO_CERTIFICATE;
  }
  return wishes;
}

/**
 * One thing that stands where a list belongs is told and meant well: without it less would be required, or locked.
 *
 * @param {any} raw
 * @returns {any[]}
 */
function listOf(raw) {
  return Array.isArray(raw) ? raw : [raw];
}

/** @param {unknown} raw @returns {string[]} */
function texts(raw) {
  return listOf(raw).filter((value) => typeof value === "string");
}

/** @param {unknown} value */
function isFingerprint(value) {
  return typeof value === "string" && /^[0-9a-f]{64}$/i.test(value);
}

/** @param {unknown} value */
function isPatience(value) {
  return typeof value === "number" && value >= 0.01 && value <= 20;
}

/** @param {unknown} value */
function isPattern(value) {
  return typeof value === "string" && /^(\*|[^\s@]+)@[^\s@*]+$/.test(value);
}

/**
 * What a policy says that is not understood. Keys of later versions are among it: whoever wrote them believes that they are
 * in force.
 *
 * @param {any} raw
 * @returns {Problem[]}
 */
export function problemsOf(raw) {
  /** @type {Record<string, (value: any, key: string) => Problem[]>} */
  const keys = {
    defaults: (value, key) => problemsIn(value, key, wishes),
    accounts: (value, key) =>
      each(value, key, (account, at) => [
        ...problemsIn(account, at, { ...wishes, match: fits(isPattern) }),
        ...(isObject(account) && account.match === undefined ? [wrong(`${at}.match`)] : []),
      ]),
    encrypt_to: (value, key) => each(value, key, fits(isPattern)),
    offer_unencrypted: fits((value) => typeof value === "boolean"),
    patience: fits(isPatience),
    open_with: fits((value) => OPEN_WITH.includes(value)),
    locked: (value, key) =>
      each(
        value,
        key,
        fits((name) => LOCKABLE.includes(name)),
      ),
  };
  /** @type {typeof keys} */
  const wishes = {
    sign: fits((value) => SIGN.includes(value)),
    encrypt: fits((value) => ENCRYPT.includes(value)),
    subject: fits((value) => SUBJECT.includes(value)),
    unattended: fits((value) => UNATTENDED.includes(value)),
    forms: (value, key) =>
      each(
        value,
        key,
        fits((form) => FORMS.includes(form)),
      ),
    certificate: fits(isFingerprint),
  };
  return problemsIn(raw, "", keys);
}

/**
 * @param {any} raw
 * @param {string} path of the object, empty for the whole
 * @param {Record<string, (value: any, key: string) => Problem[]>} keys
 * @returns {Problem[]}
 */
function problemsIn(raw, path, keys) {
  if (!isObject(raw)) {
    return [wrong(path)];
  }
  return Object.entries(raw).flatMap(([name, value]) => {
    const key = path ? `${path}.${name}` : name;
    if (Object.hasOwn(keys, name)) {
      return keys[name](value, key);
    }
    return [{ key, what: path === "" && OF_THE_HOST.includes(name) ? "of-the-host" : "unknown-key" }];
  });
}

/** @param {(value: any) => boolean} test @returns {(value: any, key: string) => Problem[]} */
function fits(test) {
  return (value, key) => (test(value) ? [] : [wrong(key)]);
}

/** @param {any} list @param {string} path @param {(value: any, key: string) => Problem[]} check @returns {Problem[]} */
function each(list, path, check) {
  return Array.isArray(list) ? list.flatMap((value, index) => check(value, `${path}[${index}]`)) : [wrong(path)];
}

/** @param {string} key @returns {Problem} */
function wrong(key) {
  return { key, what: "wrong-value" };
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The wishes for one sender: of each list the first account that fits, over the defaults; all of the policy over all of
 * the user's. What nobody wished for is left out.
 *
 * @param {string} address
 * @param {{ managed: Settings, local: Settings }} settings
 * @returns {Wishes & { byPolicy: Record<keyof Wishes, boolean> }}
 */
export function wishesFor(address, { managed, local }) {
  const policy = { ...managed.defaults, ...accountOf(address, managed.accounts) };
  const { certificate: _selectedAtTheHost, ...own } = {
    ...(managed.locked.includes("defaults") ? {} : local.defaults),
    ...(managed.locked.includes("accounts") ? {} : accountOf(address, local.accounts)),
  };
  const fixed = (/** @type {keyof Wishes} */ wish) => policy[wish] !== undefined;
  return {
    ...own,
    // What policy requires, the user does not take back through the other door.
    ...(policy.encrypt === "required" ? { unattended: /** @type {const} */ ("refused") } : {}),
    ...policy,
    byPolicy: {
      sign: fixed("sign"),
      encrypt: fixed("encrypt"),
      subject: fixed("subject"),
      unattended: fixed("unattended") || policy.encrypt === "required",
      forms: fixed("forms"),
      certificate: fixed("certificate"),
    },
  };
}

/**
 * The recipients to whom nothing may go unencrypted, whoever writes.
 *
 * @param {string[]} recipients
 * @param {{ managed: Settings }} settings
 */
export function encryptedByPolicy(recipients, { managed }) {
  return recipients.filter((address) => managed.encryptTo.some((pattern) => matches(address, pattern)));
}

/**
 * Writes one wish of the user for one address.
 *
 * @template {keyof Wishes} T
 * @param {string} address
 * @param {T} what
 * @param {Wishes[T] | ""} value empty: none
 */
export async function saveWish(address, what, value) {
  const { accounts } = parseSettings(await browser.storage.local.get("accounts"));
  const isIts = (/** @type {{ match: string }} */ { match }) => comparable(match) === comparable(address);
  const { [what]: _old, ...others } = accounts.find(isIts) ?? { match: address };
  const account = value !== "" ? { ...others, [what]: value } : others;
  const rest = accounts.filter((one) => !isIts(one));
  await browser.storage.local.set({ accounts: Object.keys(account).length > 1 ? [account, ...rest] : rest });
}

/** @param {string} address @param {Settings["accounts"]} accounts @returns {Wishes} */
function accountOf(address, accounts) {
  const found = accounts.find(({ match }) => matches(address, match));
  const { match: _match, ...wishes } = found ?? { match: "" };
  return wishes;
}

/** @param {string} address @param {string} pattern an address, or `*@domain`; a bare domain, also behind an at sign, is told and meant well */
function matches(address, pattern) {
  const [wanted, wish] = [comparable(address), comparable(pattern.trim().replace(/^@/, ""))];
  if (!wish.includes("@")) {
    return wanted.endsWith(`@${wish}`);
  }
  return wish.startsWith("*@") ? wanted.endsWith(wish.slice(1)) : wanted === wish;
}
