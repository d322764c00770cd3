/// <reference path="../../types/alarms.d.ts" />
/**
 * What is told without being asked: that there is no key yet (once), that a certificate ends soon (60, 14 and 3 days ahead),
 * that a record which somebody was to publish is live. Nothing of it is worth a second start of the host in a day.
 */

const text = browser.i18n.getMessage;

const ALARM = "keys";
/** The first look leaves Thunderbird time to start; then now and then, but the host is asked once a day only. */
const FIRST_MINUTES = 1;
const EVERY_MINUTES = 15;
const DAY_MS = 24 * 3600 * 1000;

const ACCOUNTS_MS = 60_000;

/**
 * What this add-on remembers of it, in storage.local.
 *
 * @typedef {object} Told
 * @property {boolean} welcomed the user knows of the assistant
 * @property {Record<string, string>} reminded by address: the certificate and the days of the last reminder
 * @property {string[]} awaited addresses whose records are looked for
 * @property {number} lookedAt when the accounts were last looked at
 */

/** @param {import("../host.js").Host} host */
export function startWatching(host) {
  browser.alarms.onAlarm.addListener(({ name }) => (name === ALARM ? look(host).catch(console.error) : undefined));
  browser.notifications.onClicked.addListener((id) => {
    const ours = /^keys\|(?:(test)\|)?(.*)$/.exec(id);
    if (ours) {
      openAssistant(ours[2], ours[1]);
    }
  });
  browser.alarms.get(ALARM).then((alarm) => {
    if (!alarm) {
      browser.alarms.create(ALARM, { delayInMinutes: FIRST_MINUTES, periodInMinutes: EVERY_MINUTES });
    }
  });
}

/** From now on it is told when the record of this address is live. @param {string} address */
export async function awaitRecord(address) {
  const { awaited } = await told();
  await remember({ awaited: [...new Set([...awaited, address])] });
  return {};
}

/** Its owner has seen that it is live. @param {string} address */
export async function recordSeen(address) {
  const { awaited } = await told();
  await remember({ awaited: awaited.filter((one) => one !== address) });
  return {};
}

/** @param {string} address @param {string} [step] where to begin; without it at the first thing that is missing */
function openAssistant(address, step) {
  const query = new URLSearchParams({ address, ...(step && { step }) });
  return browser.tabs.create({ url: browser.runtime.getURL(`ui/assistant/assistant.html?${query}`) });
}

/** @param {import("../host.js").Host} host @param {number} [now] */
export async function look(host, now = Date.now()) {
  const known = await told();
  if (known.awaited.length > 0) {
    await lookForRecords(host, known.awaited);
  }
  if (now - known.lookedAt < DAY_MS) {
    return;
  }
  const accounts = await accountsOf(host, await senders(), false);
  await remember({ lookedAt: now });
  for (const { id, title, message } of whatToTell(accounts, known)) {
    await notify(id, title, message);
  }
  await remember(after(accounts, known));
}

/**
 * Pure: what is to be told now.
 *
 * @param {import("../../types/protocol").Account[]} accounts
 * @param {Told} known
 */
export function whatToTell(accounts, known) {
  const [first, ...others] = accounts.filter(({ state }) => state !== "invalid-address");
  if (first && [first, ...others].every(({ state }) => state === "no-key")) {
    return known.welcomed
      ? []
      : [{ id: `keys|${first.address}`, title: text("notify_welcome_title"), message: text("notify_welcome_text") }];
  }
  return accounts
    .filter((account) => account.reminder !== null && known.reminded[account.address] !== mark(account))
    .map((account) => ({
      id: `keys|${account.address}`,
      title: text("notify_expiring_title"),
      message: expiringWords(account),
    }));
}

/** @param {import("../../types/protocol").Account} account */
function expiringWords({ address, days_left }) {
  const days = days_left ?? 0;
  return days < 2
    ? text("notify_expiring_very_soon", [address])
    : text("notify_expiring_text", [address, String(days)]);
}

/**
 * Pure: what is to be remembered afterwards.
 *
 * @param {import("../../types/protocol").Account[]} accounts
 * @param {Told} known
 */
function after(accounts, known) {
  const due = accounts.filter(({ reminder }) => reminder !== null);
  const reminded = { ...known.reminded, ...Object.fromEntries(due.map((account) => [account.address, mark(account)])) };
  return { welcomed: true, reminded };
}

/** @param {import("../../types/protocol").Account} account */
function mark({ sign, reminder }) {
  return `${sign?.sha256} ${reminder}`;
}

/** @param {import("../host.js").Host} host @param {string[]} awaited */
async function lookForRecords(host, awaited) {
  const accounts = await accountsOf(host, awaited, true);
  // In the order of the addresses, which the host spells in its own way.
  const live = awaited.filter((_, at) => accounts[at]?.publication?.published);
  for (const address of live) {
    await notify(`keys|test|${address}`, text("notify_live_title"), text("notify_live_text", [address]));
  }
  if (live.length > 0) {
    const { awaited: still } = await told();
    await remember({ awaited: still.filter((address) => !live.includes(address)) });
  }
}

/**
 * @param {import("../host.js").Host} host
 * @param {string[]} addresses
 * @param {boolean} dns
 */
async function accountsOf(host, addresses, dns) {
  const { result } = await host.request("accounts", { addresses, dns }, { deadlineMs: ACCOUNTS_MS });
  return result.accounts;
}

async function senders() {
  const accounts = await browser.accounts.list(false);
  return [...new Set(accounts.flatMap(({ identities }) => identities.flatMap(({ email }) => (email ? [email] : []))))];
}

/** @returns {Promise<Told>} */
async function told() {
  const { keysTold } = await browser.storage.local.get("keysTold");
  return { welcomed: false, reminded: {}, awaited: [], lookedAt: 0, ...keysTold };
}

/** @param {Partial<Told>} news */
async function remember(news) {
  await browser.storage.local.set({ keysTold: { ...(await told()), ...news } });
}

/** @param {string} id @param {string} title @param {string} message */
function notify(id, title, message) {
  const iconUrl = browser.runtime.getURL("icons/dane-smime.svg");
  return browser.notifications.create(id, { type: "basic", iconUrl, title, message });
}
