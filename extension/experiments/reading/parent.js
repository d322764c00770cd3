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

  PERSISTENT_EVENTS = {
    // The event page is asleep most of the time; Thunderbird primes this event for it.
    onOpen: (/** @type {any} */ { fire }) => {
      this.#start();
      this.#reading?.page.listens(fire);
      return {
        unregister: () => this.#reading?.page.stopped(fire),
        convert: (/** @type {any} */ newFire) => {
          fire = newFire;
          this.#reading?.page.listens(newFire);
        },
      };
    },
  };

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
    return {
      daneReading: {
        onOpen: new ExtensionCommon.EventManager({
          context,
          module: "daneReading",
          event: "onOpen",
          extensionApi: this,
        }).api(),
        getState: async () => ({ registered: this.#missing.length === 0, missing: this.#missing }),
        forgetPlaintext: async () => this.#reading?.forget(),
      },
    };
  }

  #start() {
    if (this.#reading || this.#host) {
      return;
    }
    this.#host = `dane-smime-${Date.now().toString(36)}`;
    resourceProtocol().setSubstitution(
      this.#host,
      Services.io.newURI(this.extension.rootURI.resolve("experiments/reading/")),
    );
    const { Reading } = ChromeUtils.importESModule(`resource://${this.#host}/reading.mjs`);
    const { localeData } = this.extension;
    this.#reading = new Reading((/** @type {string} */ key, /** @type {string[]} */ args) =>
      localeData.localizeMessage(key, args),
    );
    this.#missing = this.#reading.start();
  }
};

function resourceProtocol() {
  return Services.io.getProtocolHandler("resource").QueryInterface(Ci.nsIResProtocolHandler);
}
