/**
 * The add-on's end of native-host/PROTOCOL.md: one long-lived connection to `dane-smime-host`, opened when it is
 * first needed, and typed requests on it. Knows nothing of mail.
 *
 * Two kinds of failure, as in the protocol. Outer: the program is gone, silent, or talks nonsense; every request
 * under way is rejected and the next request starts the program anew. Inner: one request is answered `error`.
 */

import { HostError } from "./host-error.js";
import { wellFormed } from "./well-formed.js";

export { HostError };

/** The versions of the protocol spoken here. */
const PROTOCOL = Object.freeze({ min: 1, max: 1 });

/** Octets of a body in one frame. Base64 makes them 700 KiB; a frame may have 1 MiB. */
const CHUNK_OCTETS = 512 * 1024;

/** Largest body taken from the host: what we may send (256 MiB), grown by base64 twice (sign, then encrypt). */
const MAX_ANSWER_OCTETS = 512 * 1024 * 1024;

/** What a host says that takes and gives large bodies as files. */
const BODIES_BY_FILE = "bodies-by-file";
const FILE_NAME = /^[A-Za-z0-9-]{1,64}$/;
const FILE_REFUSED = "body-file-refused";

/** How long a program may take from its start to its hello. */
const HELLO_MS = 10_000;

/** Where the caller names none. */
const DEADLINE_MS = 30_000;

/** How much longer a request may take while a person is asked for a password or a PIN. The host is told. */
export const PASSWORD_MS = 120_000;

/** The stage of `progress` that says so. */
const ASKS_PERSON = "password";

/** The host is told the deadline and answers within it; this much later it is taken for hung. */
const GRACE_MS = 2_000;

/**
 * @typedef {object} Clock
 * @property {(callback: (...args: any[]) => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 *
 * @typedef {object} Port the part of `browser.runtime.Port` used here
 * @property {(message: object) => void} postMessage
 * @property {() => void} disconnect
 * @property {{ addListener(listener: (message: unknown) => void): void }} onMessage
 * @property {{ addListener(listener: (port: { error?: { message: string } | null }) => void): void }} onDisconnect
 *
 * @typedef {import("../types/protocol").BodyReference} BodyReference
 *
 * @typedef {object} RequestOptions
 * @property {Uint8Array | BodyReference} [body] in a file: one of the folder of this very connection, else `body-file-refused`
 * @property {boolean} [answerFile] whether a large body of the answer may come as a file
 * @property {number} [deadlineMs] default 30 s
 * @property {(progress: import("../types/protocol").Progress) => void} [onProgress]
 * @property {() => void} [onAsked] called once when a person is asked for a password: it may take `PASSWORD_MS` longer
 * @property {AbortSignal} [signal] aborting cancels the request
 *
 * @typedef {{ result: any, body: Uint8Array, file: BodyReference | null }} Answer its body is the one or the other
 *
 * @typedef {object} Job a request under way
 * @property {(answer: Answer) => void} resolve
 * @property {(error: HostError) => void} reject
 * @property {Uint8Array[]} parts
 * @property {number} octets
 * @property {RequestOptions["onProgress"]} onProgress
 * @property {() => void} prolong called when a person is asked
 */

/** The connection to the native host. */
export class Host {
  /** @type {Connection | null} */
  #connection = null;
  #connect;
  #hello;
  #clock;
  #onFolder;

  /**
   * @param {object} environment
   * @param {() => Port} environment.connect starts the program
   * @param {string} environment.version the add-on's own
   * @param {Record<string, string>} [environment.pin] words for the window that asks for a token's PIN
   * @param {(folder: string | null) => void} [environment.onFolder] told where large bodies can be handed over by file, from
   *   now on; null: nowhere any more
   * @param {Clock} [environment.clock]
   */
  constructor({ connect, version, pin, onFolder = () => {}, clock = globalThis }) {
    this.#connect = connect;
    this.#hello = { addon: version, password_ms: PASSWORD_MS, ...(pin && { pin }) };
    this.#onFolder = onFolder;
    this.#clock = clock;
  }

  /** A factor for all deadlines: more than 1 on a slow computer. */
  patience = 1;

  /** What the connected program said of itself; null before the first request and after a failure. */
  get hello() {
    return this.#connection?.hello ?? null;
  }

  /**
   * Sends one request and waits for its end.
   *
   * @template {keyof import("../types/protocol").Requests} T
   * @param {T} type
   * @param {import("../types/protocol").Requests[T]["request"]} fields
   * @param {RequestOptions} [options]
   * @returns {Promise<Pick<Answer, "body" | "file"> & { result: import("../types/protocol").Requests[T]["result"] }>}
   * @throws {HostError}
   */
  async request(type, fields, options = {}) {
    const connection = this.#open();
    await connection.ready;
    const deadlineMs = Math.ceil((options.deadlineMs ?? DEADLINE_MS) * this.patience);
    return connection.request(type, fields, { ...options, deadlineMs }, Math.ceil(GRACE_MS * this.patience));
  }

  /** The abilities that the program names in its hello; it is started for that. @returns {Promise<string[]>} @throws {HostError} */
  async features() {
    const connection = this.#open();
    await connection.ready;
    return connection.hello?.features ?? [];
  }

  /** Where large bodies can be handed over by file; the program is started for that. @returns {Promise<string | null>} @throws {HostError} */
  async bodiesFolder() {
    const connection = this.#open();
    await connection.ready;
    return connection.folder;
  }

  /** Gives the connection up; requests under way end as `host-gone`. The next request opens a new one. */
  close() {
    this.#connection?.fail(new HostError("host-gone"));
  }

  #open() {
    if (!this.#connection?.alive) {
      const helloMs = Math.ceil(HELLO_MS * this.patience);
      const environment = {
        connect: this.#connect,
        hello: this.#hello,
        onFolder: this.#onFolder,
        clock: this.#clock,
      };
      this.#connection = new Connection(environment, helloMs);
    }
    return this.#connection;
  }
}

/** One running program: from its start until it fails, then never used again. */
class Connection {
  /** @type {Port | null} */
  #port = null;
  /** @type {Map<number, Job>} */
  #jobs = new Map();
  #lastId = 0;
  /** Why the connection ended, once it has. */
  #cause = new HostError("host-gone");
  #clock;
  #onFolder;
  #refusesFiles = false;

  /** @type {import("../types/protocol").Hello | null} */
  hello = null;

  /**
   * @param {object} environment
   * @param {() => Port} environment.connect
   * @param {object} environment.hello what is said of the add-on
   * @param {(folder: string | null) => void} environment.onFolder
   * @param {Clock} environment.clock
   * @param {number} helloMs how long the program may take from its start to its hello
   */
  constructor({ connect, hello, onFolder, clock }, helloMs) {
    this.#clock = clock;
    this.#onFolder = onFolder;
    try {
      this.#port = connect();
      this.#port.onMessage.addListener((message) => this.#receive(message));
      this.#port.onDisconnect.addListener((port) => this.#disconnected(port?.error?.message ?? ""));
    } catch (error) {
      this.#disconnected(error instanceof Error ? error.message : "");
    }
    /** Settles when the host has said hello. */
    this.ready = this.#sayHello(hello, helloMs);
    this.ready.catch(() => {}); // each request awaits it, too
  }

  get alive() {
    return this.#port !== null;
  }

  /** Where large bodies can be handed over by file, if anywhere. */
  get folder() {
    if (this.#refusesFiles) {
      return null;
    }
    const { features = [], bodies_folder } = this.hello ?? {};
    return typeof bodies_folder === "string" && features.includes(BODIES_BY_FILE) ? bodies_folder : null;
  }

  /** @param {object} hello @param {number} helloMs */
  async #sayHello(hello, helloMs) {
    const { result } = await this.#start("hello", { protocol: PROTOCOL, ...hello }, helloMs, {});
    if (!Number.isInteger(result.protocol) || result.protocol < PROTOCOL.min || result.protocol > PROTOCOL.max) {
      const error = new HostError("protocol-mismatch");
      this.fail(error);
      throw error;
    }
    this.hello = result;
    if (this.folder) {
      this.#onFolder(this.folder);
    }
  }

  /**
   * @param {string} type
   * @param {object} fields
   * @param {RequestOptions & { deadlineMs: number }} options
   * @param {number} graceMs
   */
  request(type, fields, options, graceMs) {
    const { deadlineMs } = options;
    return this.#start(type, { ...fields, deadline_ms: deadlineMs }, deadlineMs + graceMs, options);
  }

  /**
   * @param {string} type
   * @param {object} fields
   * @param {number} patienceMs after this the program is taken for hung
   * @param {RequestOptions} options
   * @returns {Promise<Answer>}
   */
  async #start(type, fields, patienceMs, { body, answerFile, onProgress, onAsked, signal }) {
    if (!this.alive) {
      throw this.#cause;
    }
    if (signal?.aborted) {
      throw new HostError("cancelled");
    }
    const file = body && "folder" in body ? body : null;
    if (file && file.folder !== this.folder) {
      throw new HostError(FILE_REFUSED); // it was put there for a program that has ended
    }
    const id = ++this.#lastId;
    let timer = this.#clock.setTimeout(() => this.#silent(id), patienceMs);
    let isProlonged = false;
    const prolong = () => {
      if (!isProlonged) {
        isProlonged = true;
        this.#clock.clearTimeout(timer);
        timer = this.#clock.setTimeout(() => this.#silent(id), patienceMs + PASSWORD_MS);
        onAsked?.();
      }
    };
    const answer = new Promise((resolve, reject) => {
      this.#jobs.set(id, { resolve, reject, parts: [], octets: 0, onProgress, prolong });
    });
    answer.catch(() => {}); // it may come while the body is still going out
    const cancel = () => this.#cancel(id);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      this.#post({
        ...{ type, id, ...wellFormed(fields) },
        ...(body && { body_length: body.length }),
        ...(file && { body_file: file.name }),
        ...(answerFile && this.folder && { answer_file: true }),
      });
      if (body && !("folder" in body)) {
        await this.#sendBody(id, body);
      }
      return await answer;
    } finally {
      this.#clock.clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * Sends a body in chunks, with a breath after each so that an answer, a cancel or another request gets its turn
   * and not all base64 lies in memory at once. Stops when the request has ended.
   *
   * @param {number} id
   * @param {Uint8Array} body
   */
  async #sendBody(id, body) {
    for (let seq = 0, start = 0; start < body.length && this.#jobs.has(id); seq++, start += CHUNK_OCTETS) {
      this.#post({ type: "chunk", id, seq, data: body.subarray(start, start + CHUNK_OCTETS).toBase64() });
      await new Promise((resolve) => this.#clock.setTimeout(resolve, 0));
    }
  }

  /** @param {object} message */
  #post(message) {
    try {
      this.#port?.postMessage(message);
    } catch {
      // The port was closed under us; the event that says so may come later or never.
      this.fail(new HostError("host-gone"));
    }
  }

  /** @param {number} id */
  #cancel(id) {
    const job = this.#jobs.get(id);
    if (job) {
      this.#jobs.delete(id);
      this.#post({ type: "cancel", id });
      job.reject(new HostError("cancelled"));
    }
  }

  /** @param {number} id */
  #silent(id) {
    const job = this.#jobs.get(id);
    if (job) {
      this.#jobs.delete(id);
      this.#post({ type: "cancel", id });
      job.reject(new HostError("host-timeout"));
      this.fail(new HostError("host-gone"));
    }
  }

  /** @param {unknown} message */
  #receive(message) {
    if (!isAnswer(message)) {
      this.fail(new HostError("host-broken"));
      return;
    }
    const job = this.#jobs.get(message.id);
    if (!job) {
      return; // ended, cancelled, or never ours
    }
    switch (message.type) {
      case "chunk":
        this.#takeChunk(job, message);
        break;
      case "progress":
        if (message.stage === ASKS_PERSON) {
          job.prolong();
        }
        job.onProgress?.({
          stage: asText(message.stage),
          done: asNumber(message.done),
          total: asNumber(message.total),
        });
        break;
      case "hello":
        this.#end(message.id)?.resolve({ result: message, body: new Uint8Array(), file: null });
        break;
      case "result":
        this.#takeResult(job, message);
        break;
      case "error": {
        const { type: _type, id, code, message: text, ...details } = message;
        if (code === FILE_REFUSED && this.folder) {
          // It does not see what we put there: neither should we look for what it puts there.
          this.#refusesFiles = true;
          this.#onFolder(null);
        }
        this.#end(id)?.reject(new HostError(asText(code) || "internal", asText(text), details));
        break;
      }
      // Unknown types of answers are ignored.
    }
  }

  /**
   * @param {Job} job
   * @param {Record<string, unknown>} chunk
   */
  #takeChunk(job, { seq, data }) {
    /** @type {Uint8Array | null} */
    let octets = null;
    try {
      octets = Uint8Array.fromBase64(/** @type {string} */ (data));
    } catch {
      // said below
    }
    if (octets === null || seq !== job.parts.length || job.octets + octets.length > MAX_ANSWER_OCTETS) {
      this.fail(new HostError("host-broken"));
      return;
    }
    job.parts.push(octets);
    job.octets += octets.length;
  }

  /**
   * @param {Job} job
   * @param {{ id: number, body_length?: unknown, body_file?: unknown }} result
   */
  #takeResult(job, result) {
    const { body_length: length = 0, body_file: name } = result;
    if (typeof name === "string" && this.#refusesFiles) {
      // It was asked for before the host refused another: this request alone is to be asked again, without files.
      this.#post({ type: "cancel", id: result.id });
      this.#end(result.id)?.reject(new HostError(FILE_REFUSED));
      return;
    }
    if (typeof name === "string" && this.folder) {
      if (!FILE_NAME.test(name) || typeof length !== "number" || length > MAX_ANSWER_OCTETS || job.octets > 0) {
        this.fail(new HostError("host-broken"));
        return;
      }
      this.#end(result.id)?.resolve({ result, body: new Uint8Array(), file: { folder: this.folder, name, length } });
      return;
    }
    if (length !== job.octets) {
      this.fail(new HostError("host-broken"));
      return;
    }
    const body = new Uint8Array(job.octets);
    let offset = 0;
    for (const part of job.parts) {
      body.set(part, offset);
      offset += part.length;
    }
    this.#end(result.id)?.resolve({ result, body, file: null });
  }

  /** @param {number} id */
  #end(id) {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    return job;
  }

  /** @param {string} reason what Thunderbird says of a port that closed */
  #disconnected(reason) {
    // Thunderbird's words for: no manifest of that name; one that does not allow this add-on; a path that is not there.
    const missing = /no such native application|does not have permission|does not exist|not executable/i.test(reason);
    this.fail(new HostError(missing ? "host-missing" : "host-gone"));
  }

  /**
   * Ends the connection. Closing our own end brings no event, so every request is rejected here.
   *
   * @param {HostError} cause
   */
  fail(cause) {
    this.#cause = cause;
    const port = this.#port;
    this.#port = null;
    if (this.folder) {
      this.#onFolder(null);
    }
    this.hello = null;
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    try {
      port?.disconnect();
    } catch {
      // closed already
    }
    for (const job of jobs) {
      job.reject(cause);
    }
  }
}

/**
 * @param {unknown} message
 * @returns {message is { type: string, id: number } & Record<string, unknown>}
 */
function isAnswer(message) {
  return (
    typeof message === "object" &&
    message !== null &&
    "type" in message &&
    typeof message.type === "string" &&
    "id" in message &&
    Number.isInteger(message.id)
  );
}

/** @param {unknown} value */
function asText(value) {
  return typeof value === "string" ? value : "";
}

/** @param {unknown} value */
function asNumber(value) {
  return typeof value === "number" ? value : undefined;
}
