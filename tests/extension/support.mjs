/** What the tests of the add-on's modules share: a native port made of memory, and what Node's JavaScript still lacks. */

/** @type {any} */
const proto = Uint8Array.prototype;
proto.toBase64 ??= function () {
  return Buffer.from(this.buffer, this.byteOffset, this.length).toString("base64");
};
/** @type {any} */ (Uint8Array).fromBase64 ??= (/** @type {string} */ text) => {
  if (typeof text !== "string") {
    throw new TypeError("expected a string");
  }
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4) {
    throw new SyntaxError("not base64");
  }
  return new Uint8Array(Buffer.from(text, "base64"));
};
/** @type {any} */ (Promise).withResolvers ??= () => {
  /** @type {any} */
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};

/** A port whose other end is played by the test. */
export class FakePort {
  /** Everything the add-on has sent. @type {any[]} */
  sent = [];
  closed = false;
  /** @type {((message: unknown) => void)[]} */
  #messageListeners = [];
  /** @type {((port: { error: { message: string } | null }) => void)[]} */
  #disconnectListeners = [];
  onMessage = { addListener: (/** @type {(message: unknown) => void} */ l) => void this.#messageListeners.push(l) };
  onDisconnect = {
    addListener: (/** @type {(port: { error: { message: string } | null }) => void} */ l) =>
      void this.#disconnectListeners.push(l),
  };

  /** @param {(message: any, port: FakePort) => void} [play] called with each message of the add-on */
  constructor(play = () => {}) {
    this.play = play;
  }

  /** @param {object} message */
  postMessage(message) {
    if (this.closed) {
      throw new Error("Attempt to postMessage on disconnected port");
    }
    // What crosses the wire is JSON.
    const copy = JSON.parse(JSON.stringify(message));
    this.sent.push(copy);
    queueMicrotask(() => this.play(copy, this));
  }

  disconnect() {
    this.closed = true;
  }

  /** @param {unknown} message */
  say(message) {
    for (const listener of this.#messageListeners) listener(message);
  }

  /** The program ends. @param {string} [reason] Thunderbird's words */
  die(reason) {
    this.closed = true;
    for (const listener of this.#disconnectListeners) listener({ error: reason ? { message: reason } : null });
  }
}

/** Answers a hello as a good host does; true if the message was one. */
export function greet(/** @type {any} */ message, /** @type {FakePort} */ port) {
  if (message.type !== "hello") {
    return false;
  }
  port.say({ type: "hello", id: message.id, protocol: 1, host: "0.1.0", features: ["grease"] });
  return true;
}

/** A clock that the test moves. */
export class FakeClock {
  #now = 0;
  #lastId = 0;
  /** @type {Map<number, { due: number, callback: () => void }>} */
  #timers = new Map();

  setTimeout = (/** @type {() => void} */ callback, /** @type {number} */ ms) => {
    this.#timers.set(++this.#lastId, { due: this.#now + ms, callback });
    return this.#lastId;
  };

  clearTimeout = (/** @type {number} */ id) => {
    this.#timers.delete(id);
  };

  /** @param {number} ms */
  tick(ms) {
    this.#now += ms;
    for (const [id, { due, callback }] of [...this.#timers].sort(([, a], [, b]) => a.due - b.due)) {
      if (due <= this.#now && this.#timers.delete(id)) {
        callback();
      }
    }
  }
}

/** Lets everything that is due happen. */
export async function settle() {
  for (let i = 0; i < 20; i++) {
    await Promise.resolve();
  }
}
