/** Puts the parts of the reading experiment together, starts them and takes them down. */

import { clearInterval, clearTimeout, setInterval, setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { Bodies, isReference, LARGE_OCTETS, MemoryContent } from "../shared/bodies.mjs";
import { Deadline } from "../shared/deadline.mjs";
import { joined } from "../shared/octets.mjs";
import { Attachments } from "./attachments.mjs";
import { DrawnHeaders } from "./drawn-headers.mjs";
import { EncryptedUris } from "./encrypted-uris.mjs";
import { EventPage } from "./event-page.mjs";
import { MessageViews } from "./message-views.mjs";
import { Openings } from "./openings.mjs";
import { PlaintextCache } from "./plaintext-cache.mjs";
import { emptyPrivateTemp } from "./private-temp.mjs";
import { Registration } from "./registration.mjs";
import { VerdictDisplay } from "./verdict-display.mjs";

/** Ten minutes after its last use plaintext is gone. */
const LIMITS = { entries: 20, octets: 96 * 1024 * 1024, ageMs: 10 * 60 * 1000 };
/** Remembers between two starts that mail is left to Thunderbird's own S/MIME. */
const LEFT_TO_THUNDERBIRD = "extensions.dane-smime.left-to-thunderbird";

/** How often, while there is any, it is asked whether the keyring is still open. */
const SWEEP_MS = 10 * 1000;
const KEYRING_MS = 10 * 1000;
/** The host is started for that. */
const FOLDER_MS = 15 * 1000;
/** A mail that is larger leaves copies of itself in several processes, which are given back a moment later. */
const GIVE_BACK_OCTETS = 4 * 1024 * 1024;
const GIVE_BACK_MS = 3 * 1000;
/** The computer is about to sleep, perhaps to be carried away. */
const SLEEP = "sleep_notification";
const DETAILS_MS = 10 * 1000;

export class Reading {
  /** Opens messages. */
  page = new EventPage();
  /** Is told that the reader wants to see the details. */
  detailsPage = new EventPage();
  /** Is asked whether the keyring is locked. */
  keyringPage = new EventPage();
  /** Is asked where large bodies can be handed over. */
  folderPage = new EventPage();
  /** Where they can. */
  bodies = new Bodies();
  /** Whether that has been said. */
  #knowsFolder = false;
  /** What the event page was asked and has not answered yet. @type {Map<number, { key: string, deadline: Deadline }>} */
  #jobs = new Map();
  #lastJob = 0;
  /** @type {Openings | null} */
  #openings = null;
  /** @type {PlaintextCache<import("./openings.mjs").Opened>} */
  #cache = new PlaintextCache(
    LIMITS,
    () => Date.now(),
    ({ content }) => content?.close(),
  );
  #views = new MessageViews();
  /** @type {EncryptedUris | null} */
  #encrypted = null;
  /** @type {VerdictDisplay | null} */
  #display = null;
  /** @type {Attachments | null} */
  #attachments = null;
  /** @type {Registration | null} */
  #registration = null;
  #sweeper = 0;
  #giver = 0;
  #atSleep = () => this.forget();
  #say;

  #windowId;

  /**
   * @param {(key: string, args: string[]) => string} localize a message of `_locales`; empty where there is none
   * @param {(win: any) => number} windowId what the add-on's pages know a window of Thunderbird by
   */
  constructor(localize, windowId) {
    this.#windowId = windowId;
    this.#say = (/** @type {import("./verdict-words.mjs").Sentence} */ { keys, args = [], fallback = "" }) => {
      const words = args.map((arg) => (typeof arg === "string" ? arg : inWords(arg.date)));
      for (const key of keys) {
        const text = localize(key, words);
        if (text) {
          return text;
        }
      }
      return fallback;
    };
  }

  /** Whether S/MIME mail is opened by us. */
  get isOpening() {
    return this.#registration !== null;
  }

  /**
   * Who is to open S/MIME mail, from now on and from the next start on: the experiment starts before anybody can be asked.
   *
   * @param {"addon" | "thunderbird"} who
   * @returns {string[]} what this Thunderbird lacks
   */
  setOpener(who) {
    if (who === "thunderbird") {
      Services.prefs.setBoolPref(LEFT_TO_THUNDERBIRD, true);
      this.stop(false);
      return [];
    }
    Services.prefs.clearUserPref(LEFT_TO_THUNDERBIRD);
    return this.isOpening ? [] : this.start();
  }

  /** @returns {string[]} what this Thunderbird lacks; nothing was changed then, and its own S/MIME is at work */
  start() {
    if (Services.prefs.getBoolPref(LEFT_TO_THUNDERBIRD, false)) {
      return [];
    }
    emptyPrivateTemp();
    try {
      const encrypted = new EncryptedUris();
      const display = new VerdictDisplay(this.#say, encrypted, (win) => this.#openDetails(win));
      const openings = new Openings({ ask: (sealed, ms) => this.#ask(sealed, ms), cache: this.#cache });
      this.#openings = openings;
      const attachments = new Attachments(this.#say);
      const registration = new Registration({
        bodies: this.bodies,
        openings,
        views: this.#views,
        display,
        encrypted,
        headers: new DrawnHeaders(),
        attachments,
      });
      const missing = registration.install();
      if (missing.length) {
        this.#tellUnsupported(missing);
        return missing;
      }
      this.#encrypted = encrypted;
      this.#display = display;
      this.#registration = registration;
      this.#attachments = attachments;
      attachments.install();
      this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
      Services.obs.addObserver(this.#atSleep, SLEEP);
      return [];
    } catch (error) {
      console.error("DANE S/MIME: reading could not be started", error);
      return [String(error)];
    }
  }

  /** Forgets what is too old, and everything once the keyring that opened it is locked, or cannot be asked. */
  async #sweep() {
    this.#cache.sweep();
    if (this.#cache.size === 0) {
      return;
    }
    const answer = await this.keyringPage.call({}, KEYRING_MS).catch(() => ({ locked: true }));
    if (answer?.locked !== false) {
      this.forget();
    }
  }

  /** @param {any} win about:message */
  #openDetails(win) {
    const windowId = this.#windowId(win.browsingContext.topChromeWindow);
    this.detailsPage
      .call({ windowId }, DETAILS_MS)
      .catch((error) => console.error("DANE S/MIME: no details view", error));
  }

  /** @param {string[]} missing */
  #tellUnsupported(missing) {
    const text = this.#say({ keys: ["reading_unsupported"], args: [missing.join(", ")] });
    console.warn(`DANE S/MIME: ${text}`);
    try {
      const alerts = Cc["@mozilla.org/alerts-service;1"].getService(Ci.nsIAlertsService);
      alerts.showAlertNotification("", "DANE S/MIME", text);
    } catch {
      // A desktop without notifications: getState() still tells.
    }
  }

  /** @param {boolean} isAppShutdown Thunderbird itself ends, and nobody will look at its windows again */
  stop(isAppShutdown) {
    clearInterval(this.#sweeper);
    clearTimeout(this.#giver);
    if (this.#registration) {
      Services.obs.removeObserver(this.#atSleep, SLEEP);
    }
    this.#registration?.remove();
    this.#registration = null;
    this.#attachments?.remove();
    this.#attachments = null;
    this.#openings = null;
    this.forget();
    emptyPrivateTemp(isAppShutdown);
    if (isAppShutdown) {
      return;
    }
    this.#encrypted?.forgetAll();
    for (const view of this.#views.current()) {
      this.#display?.leave(view);
    }
  }

  /** @param {any} win about:message @returns {object | null} what is said there; null where nothing is */
  describe(win) {
    return this.#display?.describe(win) ?? null;
  }

  /** @param {any} win about:message @param {"retry" | "reveal"} what the reader asks for */
  act(win, what) {
    this.#display?.act(win, what);
  }

  /** Forgets all decrypted mail. */
  forget() {
    this.#cache.clear();
  }

  /** @param {string | null} folder where large bodies can be handed over by file, from now on; null: nowhere any more */
  setBodiesFolder(folder) {
    this.#knowsFolder = folder !== null;
    this.bodies.offer(folder);
  }

  /** A person is asked for a PIN on behalf of an `onOpen`: its answer may take so much longer. @param {number} id @param {number} ms */
  putOff(id, ms) {
    const job = this.#jobs.get(id);
    job?.deadline.putOff(ms);
    this.#openings?.tellAsked(job?.key ?? "");
  }

  /**
   * @param {import("./openings.mjs").Sealed} sealed
   * @param {number} deadlineMs
   * @returns {Promise<import("./openings.mjs").Opened>}
   */
  async #ask({ head, bytes, file: given = null, shown, unauthentic = false, key }, deadlineMs) {
    const isLarge = head.length + bytes.length >= LARGE_OCTETS;
    if (isLarge && !this.#knowsFolder) {
      await this.#learnFolder();
    }
    const file = given ?? (isLarge ? this.bodies.put([head, bytes]) : null);
    const id = ++this.#lastJob;
    const ask = (/** @type {any} */ message) => {
      // The page gets a little longer than the host: it tells the finer reason.
      const deadline = new Deadline(deadlineMs + 5_000);
      this.#jobs.set(id, { key, deadline });
      return this.page.call({ id, message, shownSha256: shown, unauthentic, deadlineMs }, deadline);
    };
    try {
      let answer = await ask(file?.reference ?? joined(head, bytes.buffer));
      if (file && answer.failure?.code === "body-file-refused") {
        answer = await ask(joined(head, bytes.buffer));
      }
      if (answer.failure) {
        throw answer.failure;
      }
      return this.#opened(answer);
    } finally {
      this.#jobs.delete(id);
      file?.remove();
      if (bytes.length > GIVE_BACK_OCTETS) {
        clearTimeout(this.#giver);
        this.#giver = setTimeout(giveBackMemory, GIVE_BACK_MS);
      }
    }
  }

  /** The event page may be asleep, and the host not started. */
  async #learnFolder() {
    try {
      this.setBodiesFolder((await this.folderPage.call({}, FOLDER_MS))?.folder ?? null);
      this.#knowsFolder = true;
    } catch {
      // Who does not say that says nothing else either; asking tells why.
    }
  }

  /** @param {any} answer of the event page @returns {import("./openings.mjs").Opened} */
  #opened({ verdict, content, certificatePem, domain, details }) {
    return {
      ok: true,
      verdict,
      content: content === null ? null : isReference(content) ? this.bodies.take(content) : new MemoryContent(content),
      certificate: certificatePem?.replace(/-----[^-]*-----|\s/g, "") ?? null,
      domain: domain ?? null,
      details: details ?? null,
    };
  }
}

/**
 * @param {string} date RFC 3339
 * @returns {string} as the reader writes dates
 */
function inWords(date) {
  return new Services.intl.DateTimeFormat(undefined, { dateStyle: "long" }).format(new Date(date));
}

/** Collects garbage in all processes: on the way of a large mail from the host to the screen each has made copies of it. */
function giveBackMemory() {
  Services.obs.notifyObservers(null, "memory-pressure", "heap-minimize");
}
