/** Finds the compose windows, those that are open and those that will be. */

const COMPOSE_URL = "chrome://messenger/content/messengercompose/messengercompose.xhtml";

/**
 * @template {{ detach(): void }} T
 */
export class Windows {
  /** @type {Map<any, T>} */
  #attached = new Map();
  #attach;
  #leave;
  #watcher;

  /**
   * @param {(window: any) => T} attach called once for each window when it has loaded
   * @param {(window: any, attached: T) => void} leave called for each that is open when we end
   */
  constructor(attach, leave) {
    this.#attach = attach;
    this.#leave = leave;
    this.#watcher = {
      onOpenWindow: (/** @type {any} */ xulWindow) => this.#takeWhenLoaded(xulWindow.docShell.domWindow),
      onCloseWindow: () => {},
    };
    Services.wm.addListener(this.#watcher);
    for (const window of Services.wm.getEnumerator("msgcompose")) {
      this.#takeWhenLoaded(window);
    }
  }

  /** @param {any} window @returns {T | undefined} */
  get(window) {
    return this.#attached.get(window);
  }

  detachAll() {
    Services.wm.removeListener(this.#watcher);
    for (const [window, attached] of this.#attached) {
      this.#leave(window, attached);
      attached.detach();
    }
    this.#attached.clear();
  }

  /** @param {any} window */
  #takeWhenLoaded(window) {
    if (window.document.readyState === "complete" && window.location.href === COMPOSE_URL) {
      this.#take(window);
    } else {
      window.addEventListener("load", () => this.#take(window), { once: true });
    }
  }

  /** @param {any} window */
  #take(window) {
    if (window.location.href === COMPOSE_URL && !this.#attached.has(window)) {
      this.#attached.set(window, this.#attach(window));
      window.addEventListener("unload", () => this.#attached.delete(window), { once: true });
    }
  }
}
