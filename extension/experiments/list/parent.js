/* global ExtensionCommon, ExtensionAPI, Services, ChromeUtils, Ci */
"use strict";

/**
 * The experiment `daneList`: glue between Thunderbird's extension machinery and the modules beside this file. They are
 * loaded through a resource: address of their own, new at each start of the add-on.
 */
this.daneList = class extends ExtensionAPI {
  /** @type {string | null} */
  #host = null;
  /** @type {any} */
  #list = null;
  /** What this Thunderbird lacks. @type {string[]} */
  #missing = [];

  onStartup() {
    this.#start();
  }

  /** @param {boolean} isAppShutdown */
  onShutdown(isAppShutdown) {
    this.#list?.stop(isAppShutdown);
    this.#list = null;
    if (this.#host) {
      resourceProtocol().setSubstitution(this.#host, null);
      this.#host = null;
    }
  }

  /** @param {any} _context */
  getAPI(_context) {
    this.#start();
    return {
      daneList: { getState: async () => ({ registered: this.#missing.length === 0, missing: this.#missing }) },
    };
  }

  #start() {
    if (this.#host) {
      return;
    }
    this.#host = `dane-smime-list-${Date.now().toString(36)}`;
    const folder = `resource://${this.#host}/`;
    resourceProtocol().setSubstitution(
      this.#host,
      Services.io.newURI(this.extension.rootURI.resolve("experiments/list/")),
    );
    const { MessageList } = ChromeUtils.importESModule(`${folder}list.mjs`);
    const { localeData } = this.extension;
    this.#list = new MessageList({
      text: (/** @type {string} */ key) => localeData.localizeMessage(key),
      icon: (/** @type {string} */ name) => this.extension.rootURI.resolve(`experiments/list/icons/${name}.svg`),
    });
    this.#missing = this.#list.start();
  }
};

function resourceProtocol() {
  return Services.io.getProtocolHandler("resource").QueryInterface(Ci.nsIResProtocolHandler);
}
