/* global ExtensionCommon, ExtensionAPIPersistent, Services, ChromeUtils, Ci */
"use strict";

/**
 * The experiment `daneReading`: glue between Thunderbird's extension machinery and the modules beside this file, which
 * do the work. They are loaded through a resource: address of their own, new at each start of the add-on, because a
 * module once loaded stays in memory as it was.
 */
this.daneReading = class extends ExtensionAPIPersistent {
  /** @type {string | null} */
  #host = null;
  /** @type {any} */
  #reading = null;
  /** What this Thunderbird lacks. @type {string[]} */
  #missing = [];

  // The event page is asleep most of the time; Thunderbird primes these events for it.
  PERSISTENT_EVENTS = {
    onOpen: (/** @type {any} */ { fire }) => this.#listen("page", fire),
    onDetails: (/** @type {any} */ { fire }) => this.#listen("detailsPage", fire),
    onKeyring: (/** @type {any} */ { fire }) => this.#listen("keyringPage", fire),
    onBodiesFolder: (/** @type {any} */ { fire }) => this.#listen("folderPage", fire),
  };

  static onUninstall() {
    Services.prefs.clearUserPref("extensions.dane-smime.left-to-thunderbird");
  }

  /** Runs when Thunderbird starts, long before the event page does. */
  onStartup() {
    this.#start();
  }

  /** @param {boolean} isAppShutdown */
  onShutdown(isAppShutdown) {
    this.#reading?.stop(isAppShutdown);
    this.#reading = null;
    if (this.#host) {
      resourceProtocol().setSubstitution(this.#host, null);
      this.#host = null;
    }
  }

  /** @param {any} context */
  getAPI(context) {
    this.#start();
    const event = (/** @type {string} */ name) =>
      new ExtensionCommon.EventManager({ context, module: "daneReading", event: name, extensionApi: this }).api();
    const messageOf = (/** @type {number} */ tabId) => aboutMessage(this.extension.tabManager.get(tabId).nativeTab);
    return {
      daneReading: {
        onOpen: event("onOpen"),
        onDetails: event("onDetails"),
        onKeyring: event("onKeyring"),
        onBodiesFolder: event("onBodiesFolder"),
        setBodiesFolder: async (/** @type {string | null} */ folder) => this.#reading?.setBodiesFolder(folder),
        describe: async (/** @type {number} */ tabId) => this.#reading?.describe(messageOf(tabId)) ?? null,
        act: async (/** @type {number} */ tabId, /** @type {string} */ what) =>
          this.#reading?.act(messageOf(tabId), what),
        getState: async () => ({ registered: this.#reading?.isOpening === true, missing: this.#missing }),
        setOpener: async (/** @type {string} */ who) => {
          this.#missing = this.#reading?.setOpener(who) ?? this.#missing;
        },
        putOff: async (/** @type {number} */ id, /** @type {number} */ ms) => this.#reading?.putOff(id, ms),
        forgetPlaintext: async () => this.#reading?.forget(),
        keepAnswered: async (/** @type {number} */ original, /** @type {number} */ copy) =>
          keepAnswered(this.extension.messageManager.get(original), this.extension.messageManager.get(copy)),
      },
    };
  }

  /**
   * @param {"page" | "detailsPage" | "keyringPage" | "folderPage"} page
   * @param {any} fire
   */
  #listen(page, fire) {
    this.#start();
    this.#reading?.[page].listens(fire);
    return {
      unregister: () => this.#reading?.[page].stopped(fire),
      convert: (/** @type {any} */ newFire) => {
        fire = newFire;
        this.#reading?.[page].listens(newFire);
      },
    };
  }

  #start() {
    if (this.#reading || this.#host) {
      return;
    }
    this.#host = `dane-smime-${Date.now().toString(36)}`;
    resourceProtocol().setSubstitution(this.#host, Services.io.newURI(this.extension.rootURI.resolve("experiments/")));
    const { Reading } = ChromeUtils.importESModule(`resource://${this.#host}/reading/reading.mjs`);
    const { localeData, windowManager } = this.extension;
    this.#reading = new Reading(
      (/** @type {string} */ key, /** @type {string[]} */ args) => localeData.localizeMessage(key, args),
      (/** @type {any} */ win) => windowManager.getWrapper(win).id,
    );
    this.#missing = this.#reading.start();
  }
};

/**
 * @param {any} nativeTab a three-pane tab, a message tab, or a message window
 * @returns {any} the window that draws its message
 */
function aboutMessage(nativeTab) {
  const inner = (nativeTab.chromeBrowser ?? nativeTab.messageBrowser)?.contentWindow;
  return inner?.messageBrowser?.contentWindow ?? inner;
}

/**
 * Messages that were answered say so beside them in their folder; `browser.messages` knows nothing of it.
 *
 * @param {any} original an nsIMsgDBHdr
 * @param {any} copy another
 */
function keepAnswered({ flags }, copy) {
  const { Replied, Forwarded, Redirected } = Ci.nsMsgMessageFlags;
  const states = Ci.nsIMsgFolder;
  for (const [flag, state] of [
    [Replied, states.nsMsgDispositionState_Replied],
    [Forwarded, states.nsMsgDispositionState_Forwarded],
    [Redirected, states.nsMsgDispositionState_Redirected],
  ]) {
    if (flags & flag) {
      copy.folder.addMessageDispositionState(copy, state);
    }
  }
}

function resourceProtocol() {
  return Services.io.getProtocolHandler("resource").QueryInterface(Ci.nsIResProtocolHandler);
}
