/**
 * Writing mail: what is asked of the host for each compose window, and what is shown there. Holds nothing that would be
 * missed when Thunderbird stops the event page: the choice lives with its window (experiments/compose), the rest can be asked
 * for again.
 */

import { comparable } from "./address.js";
import { insistOnEncryption, touch } from "./compose/choice.js";
import { Choices } from "./compose/choices.js";
import { mayLeave } from "./compose/guard.js";
import { propose, proposeWithoutChoice } from "./compose/proposal.js";
import { hindranceIn, Recipients } from "./compose/recipients.js";
import { showButton, viewOf } from "./compose/view.js";
import { recipientLines } from "./compose/words.js";
import { PASSWORD_MS } from "./host.js";
import { explain, HostError, isFileRefused } from "./host-error.js";
import { encryptedByPolicy, FORMS, patienceIn, readSettings, saveWish, wishesFor } from "./settings.js";

/** Typing may go on; the host is asked when it pauses. */
const PAUSE_MS = 250;

/** How long answers are collected before they are shown. */
const SHOW_MS = 100;

const KEYS_MS = 10_000;

/** Signing and encrypting: half a minute, and two seconds for each mebibyte (the largest mail may take a while on an old computer). */
const PROTECT_MS = 30_000;
const PROTECT_MS_PER_MEBIBYTE = 2_000;

const text = browser.i18n.getMessage;

/** @param {import("./host.js").Host} host @returns {Pick<Compose, "keysChanged">} */
export function startCompose(host) {
  const compose = new Compose(host);
  browser.daneCompose.onChanged.addListener((tabId) => compose.changed(tabId).catch(ignoreClosed));
  browser.daneCompose.onActivated.addListener((tabId) => compose.activated(tabId).catch(ignoreClosed));
  browser.daneCompose.onBeforeSend.addListener((tabId, window) => compose.beforeSend(tabId, window));
  browser.daneCompose.onAnswer.addListener(remember);
  browser.daneCompose.onProtect.addListener((id, job, entity) => compose.protect(id, job, entity));
  browser.daneCompose.onGivenUp.addListener((id) => compose.giveUp(id));
  browser.daneCompose.onUnencrypted.addListener(async (mail) => mayLeave(mail, await readSettings(), text));
  browser.runtime.onMessage.addListener((message) => {
    if (message?.to === "compose") {
      return compose.fromPopup(message);
    }
    return undefined; // somebody else's
  });
  browser.storage.onChanged.addListener((changes, area) => {
    if (area === "local" && ("defaults" in changes || "accounts" in changes)) {
      compose.reconsider();
    }
  });
  browser.commands.onCommand.addListener((name, tab) => {
    if (tab?.type === "messageCompose" && tab.id !== undefined) {
      return compose.command(name, tab.id);
    }
    return undefined;
  });
  return compose;
}

class Compose {
  #host;
  #recipients;
  #choices;
  /** Pauses under way, by tab. @type {Map<number, ReturnType<typeof setTimeout>>} */
  #pauses = new Map();
  /** Tabs that will show soon what has come. @type {Set<number>} */
  #soon = new Set();
  /** Mails that the host protects now, by the experiment's name for them. @type {Map<string, AbortController>} */
  #underWay = new Map();

  /** @param {import("./host.js").Host} host */
  constructor(host) {
    this.#host = host;
    this.#recipients = new Recipients(host, text);
    this.#choices = new Choices(browser.daneCompose, () => this.#facts());
  }

  /** A window opened, or its sender or recipients changed. @param {number} tabId */
  async changed(tabId) {
    clearTimeout(this.#pauses.get(tabId));
    await sayWhetherDraftsReopen();
    await this.#choices.of(tabId, await browser.daneCompose.getWindow(tabId));
    await this.#show(tabId);
    this.#pauses.set(
      tabId,
      setTimeout(() => {
        this.#pauses.delete(tabId);
        this.#lookUp(tabId).catch(ignoreClosed);
      }, PAUSE_MS),
    );
  }

  /** Its writer comes back to a window: keys may have been made elsewhere meanwhile. @param {number} tabId */
  async activated(tabId) {
    const { choice } = await browser.daneCompose.getWindow(tabId);
    await (choice ? this.#freshen([tabId]) : this.changed(tabId));
  }

  /** Settings are others now: so may be what an open window starts with. What its writer has switched stays. */
  async reconsider() {
    await this.#choices.renew(await openTabs(), (tabId, choice) => this.#follow(tabId, choice).catch(ignoreClosed));
  }

  /** Keys are others now, by the hand of our own pages. */
  async keysChanged() {
    await this.#freshen(await openTabs());
  }

  /** @param {number[]} tabIds */
  #freshen(tabIds) {
    return this.#choices.freshen(tabIds, (tabId, choice) => this.#follow(tabId, choice).catch(ignoreClosed));
  }

  /**
   * Send was pressed.
   *
   * @param {number} tabId
   * @param {import("../types/dane-compose").WindowDescription} window
   */
  async beforeSend(tabId, window) {
    const settings = await this.#settings();
    await this.#choices.freshen([tabId], async (_tab, choice) => void ((await choice) && (await this.#show(tabId))));
    const { choice: present } = await browser.daneCompose.getWindow(tabId);
    const { choice: made, why } = await this.#choices.of(tabId, { ...window, choice: present });
    const mustEncrypt = encryptedByPolicy(everybody(window), settings).length > 0;
    const { offerUnencrypted } = settings.managed;
    if (!made) {
      return proposeWithoutChoice(why, text, offerUnencrypted && !mustEncrypt);
    }
    const answered = touch(made, window.answers ?? {});
    const choice = mustEncrypt ? insistOnEncryption(answered) : answered;
    this.#recipients.forgetUnchecked(everybody(window));
    const recipients = choice.encrypt ? await this.#recipients.lookUp(everybody(window)) : [];
    const blindCopies = window.bcc.length === 0 || (await this.#can("blind-copies"));
    const facts = { choice, window, recipients, remembered: await remembered(), blindCopies, offerUnencrypted };
    return { ...propose(facts, text), madeFor: made };
  }

  /**
   * Thunderbird has built the mail: sign and encrypt it.
   *
   * @param {string} id
   * @param {import("../types/protocol").ProtectRequest} job
   * @param {ArrayBuffer | import("../types/protocol").BodyReference} entity
   */
  async protect(id, job, entity) {
    const controller = new AbortController();
    this.#underWay.set(id, controller);
    try {
      const octets = entity instanceof ArrayBuffer ? new Uint8Array(entity) : entity;
      const { body, file, result } = await this.#host.request("protect", await this.#understood(job), {
        body: octets,
        answerFile: true,
        deadlineMs: PROTECT_MS + Math.ceil(octets.length / 1024 / 1024) * PROTECT_MS_PER_MEBIBYTE,
        signal: controller.signal,
        onAsked: () => void browser.daneCompose.putOff(id, PASSWORD_MS).catch(() => {}),
        onProgress: ({ stage, done, total }) => {
          const sentence = text(`progress_${stage.replaceAll("-", "_")}`) || text("progress_working");
          browser.daneCompose.showProgress(id, sentence, done, total).catch(() => {});
        },
      });
      if (result.signed !== job.sign || result.encrypted !== job.encrypt || !namesOnly(result, job)) {
        throw new HostError("host-broken");
      }
      return { entity: file ?? body.buffer, outerHeaders: result.outer_headers ?? [] };
    } catch (error) {
      console.error(error);
      return { error: this.#explain(error), fileRefused: isFileRefused(error) };
    } finally {
      this.#underWay.delete(id);
    }
  }

  /**
   * A host that does not know a field refuses it. Without header protection a mail is sent all the same; what somebody has set
   * for this sender is not passed over.
   *
   * @param {import("../types/protocol").ProtectRequest} job
   */
  async #understood(job) {
    const needs = {
      certificate: "protect-certificate",
      ...Object.fromEntries(FORMS.map((form) => [form, "protect-forms"])),
    };
    for (const [field, feature] of Object.entries(needs)) {
      if (field in job && !(await this.#can(feature))) {
        throw new HostError("protocol-mismatch", "", { update: "host" });
      }
    }
    const { header_protection, hide_header, ...known } = job;
    if (!(await this.#can("header-protection"))) {
      return known;
    }
    if (await this.#can("readable-header")) {
      return job;
    }
    // Where the subject is to stay readable and the host can only hide it, nothing goes inside.
    return { ...known, header_protection: hide_header !== false };
  }

  async #settings() {
    const settings = await readSettings();
    this.#host.patience = patienceIn(settings).patience;
    return settings;
  }

  /** Whether the host has an ability; one that does not answer has none. @param {string} feature */
  async #can(feature) {
    try {
      return (await this.#host.features()).includes(feature);
    } catch (error) {
      console.error(error);
      return false;
    }
  }

  /** Its writer does not want the mail any more. @param {string} id */
  giveUp(id) {
    this.#underWay.get(id)?.abort();
  }

  /** @param {import("../types/messages").FromPopup} message */
  async fromPopup(message) {
    const { tabId } = message;
    switch (message.what) {
      case "look-again":
        this.#recipients.forget(everybody(await browser.daneCompose.getWindow(tabId)));
        await this.changed(tabId);
        break;
      case "switch":
        await this.#follow(
          tabId,
          this.#choices.switch(tabId, () => message.change),
        );
        break;
      case "view":
        break;
    }
    return this.#view(tabId);
  }

  /** A key was pressed. @param {string} name @param {number} tabId */
  async command(name, tabId) {
    await this.#follow(
      tabId,
      this.#choices.switch(tabId, ({ sign, encrypt }) =>
        name === "toggle-sign" ? { sign: !sign } : { encrypt: !encrypt },
      ),
    );
  }

  /** Shows what was chosen, and asks for whom it is. @param {number} tabId @param {Promise<unknown>} choice null: nothing was */
  async #follow(tabId, choice) {
    if (await choice) {
      await this.#show(tabId);
      await this.#lookUp(tabId);
    }
  }

  /** What a choice is made of. @returns {Promise<import("./compose/choices.js").Facts>} */
  async #facts() {
    const settings = await this.#settings();
    const wishes = (/** @type {string} */ from) => wishesFor(from, settings);
    try {
      const { result } = await this.#host.request("keys", {}, { deadlineMs: KEYS_MS });
      return { keys: result.keys, why: "", wishes };
    } catch (error) {
      console.error(error);
      return { keys: null, why: explain(error, text), wishes };
    }
  }

  /** Looks recipients up that are not known, and shows what comes. @param {number} tabId */
  async #lookUp(tabId) {
    const window = await browser.daneCompose.getWindow(tabId);
    const addresses = everybody(window);
    // The DNS need not hear of mail that is not to be encrypted.
    const mustEncrypt = encryptedByPolicy(addresses, await readSettings()).length > 0;
    if (!(window.choice?.encrypt || mustEncrypt) || addresses.every((address) => this.#recipients.peek(address))) {
      return;
    }
    await this.#recipients.lookUp(addresses, () => this.#showSoon(tabId));
    await this.#show(tabId);
  }

  /** Answers come one by one; each is shown, but not for each is everything drawn anew. @param {number} tabId */
  #showSoon(tabId) {
    if (!this.#soon.has(tabId)) {
      this.#soon.add(tabId);
      setTimeout(() => {
        this.#soon.delete(tabId);
        this.#show(tabId).catch(ignoreClosed);
      }, SHOW_MS);
    }
  }

  /** @param {number} tabId */
  async #show(tabId) {
    const view = await this.#view(tabId);
    const marks = [...view.recipients, ...view.lists.map(({ id, ...list }) => ({ address: id, ...list }))].map(
      ({ address, mark, sentence }) => ({ address, kind: mark, text: sentence }),
    );
    await Promise.all([
      browser.daneCompose.markRecipients(tabId, marks),
      browser.daneCompose.setNotice(tabId, view.notice),
      showButton(tabId, view, text),
    ]);
    browser.runtime.sendMessage({ to: "popup", tabId }).catch(() => {}); // no popup is open
  }

  /** @param {number} tabId */
  async #view(tabId) {
    const window = await browser.daneCompose.getWindow(tabId);
    const { choice: made, why } = await this.#choices.peek(window);
    const settings = await readSettings();
    const mustEncrypt = encryptedByPolicy(everybody(window), settings).length > 0;
    const choice = made && mustEncrypt ? insistOnEncryption(made) : made;
    const { offerUnencrypted } = settings.managed;
    const shown = choice?.encrypt ? everybody(window) : [];
    const known = new Map(shown.map((address) => [address, this.#recipients.peek(address)]));
    const blindCopies = this.#host.hello?.features.includes("blind-copies") ?? true;
    const facts = { window, choice, why, known, remembered: await remembered(), blindCopies, offerUnencrypted };
    return viewOf(facts, text);
  }

  /** @param {unknown} error */
  #explain(error) {
    const sentence = explain(error, text);
    if (!(error instanceof HostError) || !Array.isArray(error.details.recipients)) {
      return sentence;
    }
    const recipients = error.details.recipients.map(({ address, status, recipient, reason, hindrance }) => ({
      address: String(address),
      state: recipient ?? (status === "secure" ? "unusable" : status), // an older host says the status alone
      reason: String(reason ?? ""),
      ...hindranceIn({ hindrance }),
    }));
    this.#recipients.forget(recipients.map(({ address }) => address));
    return [sentence, recipientLines(recipients, text)].join("\n\n");
  }
}

/**
 * Whether the host encrypted to nobody whom this copy must not name: a blind recipient is named in their own copy alone.
 *
 * @param {import("../types/protocol").ProtectResult} result
 * @param {import("../types/protocol").ProtectRequest} job
 */
function namesOnly({ encrypted, recipients }, { bcc_copies, blind_copy_for, to, cc, from }) {
  if (!encrypted || !bcc_copies) {
    return true;
  }
  const allowed = blind_copy_for === undefined ? [...to, ...cc, from] : [blind_copy_for];
  const spellings = new Set(allowed.map(comparable));
  return recipients.every((address) => spellings.has(comparable(address)));
}

/** The compose windows, by the tabs that the API takes them for. */
async function openTabs() {
  const tabs = await browser.tabs.query({ type: "messageCompose" });
  return tabs.map(({ id = -1 }) => id);
}

/** @param {{ to: string[], cc: string[], bcc: string[] }} window */
function everybody({ to, cc, bcc }) {
  return [...new Set([...to, ...cc, ...bcc])];
}

/** An encrypted draft is good only where the reading side can open it again. */
async function sayWhetherDraftsReopen() {
  let registered = false;
  try {
    ({ registered } = await browser.daneReading.getState());
  } catch (error) {
    console.error(error);
  }
  await browser.daneCompose.setDraftsReopen(registered);
}

/** Addresses to which the writer sends unencrypted without being asked, while they have no certificate. */
async function remembered() {
  const { withoutCertificate } = await browser.storage.local.get("withoutCertificate");
  return Array.isArray(withoutCertificate) ? withoutCertificate : [];
}

/** @param {{ remember?: string[], allowUnencrypted?: string }} answer */
async function remember({ remember: addresses, allowUnencrypted }) {
  if (Array.isArray(addresses)) {
    const withoutCertificate = [...new Set([...(await remembered()), ...addresses])];
    await browser.storage.local.set({ withoutCertificate });
  }
  if (allowUnencrypted) {
    await saveWish(allowUnencrypted, "unattended", "allowed");
  }
}

/** Windows are closed while we are busy with them. @param {unknown} error */
function ignoreClosed(error) {
  if (!/is no compose window|Invalid tab ID/.test(String(error))) {
    console.error(error);
  }
}
