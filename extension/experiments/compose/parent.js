"use strict";

/**
 * The daneCompose API: hands events and calls between the event page and the modules beside this file. In a closure, because
 * all experiments of an add-on share one scope.
 */
this.daneCompose = (() => {
  const resources = Services.io.getProtocolHandler("resource").QueryInterface(Ci.nsIResProtocolHandler);

  return class extends ExtensionAPIPersistent {
    /** Our modules lie at resource://HOST/compose/modules/. */
    #host = "";
    /** @type {import("./modules/doors.sys.mjs").Doors | null} */
    #open = null;

    PERSISTENT_EVENTS = Object.fromEntries(
      /** @type {const} */ ([
        "onChanged",
        "onActivated",
        "onBeforeSend",
        "onAnswer",
        "onProtect",
        "onGivenUp",
        "onUnencrypted",
      ]).map((name) => [name, (/** @type {{ fire: any }} */ { fire }) => this.#doors.questions[name].register(fire)]),
    );

    get #doors() {
      if (!this.#open) {
        throw new ExtensionError("daneCompose has not been started");
      }
      return this.#open;
    }

    onStartup() {
      // Modules are kept by their address until Thunderbird ends: each start of the add-on gets an address of its own, so
      // that an upgraded add-on runs its own code.
      this.#host = `dane-smime-compose-${Services.uuid.generateUUID().toString().slice(1, -1)}`;
      const root = Services.io.newURI("experiments/", null, this.extension.rootURI);
      resources.setSubstitutionWithFlags(this.#host, root, resources.ALLOW_CONTENT_ACCESS);
      const { Doors } = ChromeUtils.importESModule(`resource://${this.#host}/compose/modules/doors.sys.mjs`);
      // Once the add-on has ended, `this.extension` is gone, and a person may still have to be told something.
      const { extension } = this;
      this.#open = new Doors({
        text: (/** @type {string} */ key, /** @type {string[]} */ substitutions = []) =>
          extension.localizeMessage(key, substitutions),
        tabId: (/** @type {any} */ window) => extension.tabManager.getWrapper(window).id,
      });
    }

    /** @param {boolean} isAppShutdown */
    onShutdown(isAppShutdown) {
      if (!isAppShutdown) {
        this.#open?.close();
        resources.setSubstitution(this.#host, null);
      }
    }

    /** @param {any} context */
    getAPI(context) {
      const composeWindow = (/** @type {number} */ tabId) => {
        const found = this.#doors.windows.get(context.extension.tabManager.get(tabId)?.nativeTab);
        if (!found) {
          throw new ExtensionError(`tab ${tabId} is no compose window`);
        }
        return found;
      };
      const events = Object.keys(this.PERSISTENT_EVENTS).map((name) => [
        name,
        new ExtensionCommon.EventManager({ context, module: "daneCompose", event: name, extensionApi: this }).api(),
      ]);
      return {
        daneCompose: {
          /** @type {import("../../types/dane-compose").DaneCompose["getWindow"]} */
          getWindow: async (tabId) => composeWindow(tabId).describe(),
          /** @type {import("../../types/dane-compose").DaneCompose["setChoice"]} */
          setChoice: async (tabId, choice) => composeWindow(tabId).setChoice(choice),
          /** @type {import("../../types/dane-compose").DaneCompose["markRecipients"]} */
          markRecipients: async (tabId, marks) => composeWindow(tabId).markRecipients(marks),
          /** @type {import("../../types/dane-compose").DaneCompose["setNotice"]} */
          setNotice: async (tabId, text) => composeWindow(tabId).setNotice(text),
          /** @type {import("../../types/dane-compose").DaneCompose["showProgress"]} */
          showProgress: async (id, sentence, done, total) =>
            this.#doors.showProgress(id, sentence, done ?? undefined, total ?? undefined),
          /** @type {import("../../types/dane-compose").DaneCompose["putOff"]} */
          putOff: async (id, ms) => this.#doors.putOff(id, ms),
          /** @type {import("../../types/dane-compose").DaneCompose["setBodiesFolder"]} */
          setBodiesFolder: async (folder) => this.#doors.bodies.offer(folder),
          setDraftsReopen: async (/** @type {boolean} */ possible) => {
            this.#doors.draftsReopen = possible;
          },
          ...Object.fromEntries(events),
        },
      };
    }
  };
})();
