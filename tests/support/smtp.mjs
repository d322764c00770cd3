/**
 * An SMTP server (RFC 5321) that keeps every mail as it came over the wire and hands it on, and an LMTP client (RFC 2033) to
 * hand it on with. Written here because the demonstration needs them too, and npm with its four hundred Debian packages would be
 * a high price for one dialogue of seven commands on the loopback interface.
 */

import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { freePort, until } from "./process.mjs";

/**
 * @typedef {object} Mail
 * @property {string} from the envelope's
 * @property {string[]} to the envelope's
 * @property {Buffer} bytes the message exactly as it was sent, only the dots of RFC 5321 §4.5.2 undone
 */

const END_OF_DATA = Buffer.from("\r\n.\r\n");

/** An SMTP server at 127.0.0.1 without TLS and log-in. */
export class SmtpSpool {
  /**
   * @param {import("node:net").Server} server
   * @param {number} port
   * @param {string} directory
   */
  constructor(server, port, directory) {
    this.server = server;
    this.port = port;
    this.directory = directory;
    /**
     * What happens when a client wants to hand a mail over, in place of taking it: a reply such as `550 no such user`; `drop`,
     * the connection is closed; `hang`, nothing is said any more. A promise is waited for.
     * @type {(envelope: { from: string, to: string[] }) => string | undefined | Promise<undefined>}
     */
    this.fault = () => undefined;
  }

  /**
   * @param {string} directory the spool: N.eml, and N.json with the envelope
   * @param {{port?: number, deliver?: (mail: Mail) => Promise<void>}} [options] `deliver` hands a mail on before the
   *   client is told that it was taken; where it fails, so does the client's transaction
   */
  static async start(directory, { port, deliver = async () => {} } = {}) {
    mkdirSync(directory, { recursive: true });
    let count = readdirSync(directory).filter((name) => name.endsWith(".eml")).length;
    const keep = async (/** @type {Mail} */ mail) => {
      await deliver(mail);
      const name = join(directory, String(++count).padStart(4, "0"));
      writeFileSync(`${name}.eml`, mail.bytes);
      writeFileSync(`${name}.json`, JSON.stringify({ from: mail.from, to: mail.to }));
    };
    /** @type {SmtpSpool} */
    let spool;
    const server = createServer((socket) => {
      // A client that goes away in the middle of a mail is what some tests are about.
      converse(socket, keep, (envelope) => spool.fault(envelope)).catch(() => socket.destroy());
    });
    server.listen(port ?? (await freePort()), "127.0.0.1");
    await once(server, "listening");
    const { port: at } = /** @type {import("node:net").AddressInfo} */ (server.address());
    spool = new SmtpSpool(server, at, directory);
    return spool;
  }

  /** Everything that was taken so far, in order. @returns {Mail[]} */
  mails() {
    return readdirSync(this.directory)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => {
        const path = join(this.directory, name);
        return { ...JSON.parse(readFileSync(path, "utf8")), bytes: readFileSync(path.replace(/json$/, "eml")) };
      });
  }

  /**
   * Waits for the mail after the first `seen`.
   *
   * @param {number} [seen]
   * @param {number} [ms]
   * @returns {Promise<Mail>}
   */
  next(seen = 0, ms = 30_000) {
    return until("a mail at the SMTP server", () => this.mails()[seen], ms);
  }

  /** Forgets all mails. */
  clear() {
    for (const name of readdirSync(this.directory)) rmSync(join(this.directory, name));
  }

  async stop() {
    this.server.close();
  }
}

/**
 * The server's side of one connection.
 *
 * @param {import("node:net").Socket} socket
 * @param {(mail: Mail) => Promise<void>} keep
 * @param {(envelope: { from: string, to: string[] }) => string | undefined | Promise<undefined>} fail
 */
async function converse(socket, keep, fail) {
  const input = new Input(socket);
  const say = (/** @type {string} */ reply) => socket.write(`${reply}\r\n`);
  let from = "";
  /** @type {string[]} */
  let to = [];
  say("220 localhost ESMTP");
  for (let line = await input.line(); line !== undefined; line = await input.line()) {
    const [verb = ""] = line.toUpperCase().split(/[\s:]/);
    const address = /<([^>]*)>/.exec(line)?.[1] ?? "";
    switch (verb) {
      case "EHLO":
        say("250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 268435456");
        break;
      case "MAIL":
        [from, to] = [address, []];
        say("250 OK");
        break;
      case "RCPT":
        to.push(address);
        say("250 OK");
        break;
      case "DATA": {
        const fault = await fail({ from, to });
        if (fault === "drop") return void socket.destroy();
        if (fault) {
          if (fault !== "hang") say(fault);
          break;
        }
        say("354 go on");
        const data = await input.data();
        if (!data) return;
        await keep({ from, to, bytes: data }).then(
          () => say("250 kept"),
          (error) => say(`451 ${String(error.message).replace(/\s+/g, " ")}`),
        );
        break;
      }
      case "HELO":
      case "NOOP":
      case "RSET":
        say("250 OK");
        break;
      case "QUIT":
        say("221 bye");
        return void socket.end();
      default:
        say("502 not known here");
    }
  }
}

/** What comes in on a connection, by line or by message. */
class Input {
  /** @type {Buffer} */
  #buffered = Buffer.alloc(0);
  /** @type {AsyncIterator<Buffer>} */
  #chunks;

  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  /** The next line without its end; nothing after the last. */
  async line() {
    for (;;) {
      const end = this.#buffered.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#buffered.subarray(0, end).toString("latin1");
        this.#buffered = this.#buffered.subarray(end + 2);
        return line;
      }
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      this.#buffered = Buffer.concat([this.#buffered, value]);
    }
  }

  /** Everything up to the line with a lone dot, which is not part of it; nothing where the connection ends before. */
  async data() {
    // The line end in front makes a message that is empty, or begins with a dot, no special case.
    /** @type {Buffer[]} */
    const parts = [Buffer.from("\r\n"), this.#buffered];
    /** @type {Buffer} */
    let tail = Buffer.concat(parts);
    for (;;) {
      const end = tail.indexOf(END_OF_DATA);
      if (end >= 0) {
        const all = Buffer.concat(parts);
        const length = all.length - tail.length + end;
        this.#buffered = all.subarray(length + END_OF_DATA.length);
        const text = all.subarray(0, length + 2).toString("latin1");
        return Buffer.from(text.replaceAll("\r\n.", "\r\n").slice(2), "latin1");
      }
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      parts.push(value);
      tail = Buffer.concat([tail.subarray(-(END_OF_DATA.length - 1)), value]);
    }
  }
}

/**
 * Hands a mail to an LMTP server, octet for octet.
 *
 * @param {string} socketPath
 * @param {Mail} mail
 */
export async function deliverByLmtp(socketPath, { from, to, bytes }) {
  const socket = connect(socketPath);
  await once(socket, "connect");
  const input = new Input(socket);
  const say = async (/** @type {string | Buffer} */ what, expected = "2") => {
    socket.write(what);
    let reply = await input.line();
    while (reply?.[3] === "-") reply = await input.line();
    if (!reply?.startsWith(expected)) throw new Error(`LMTP said ${reply} to ${String(what).slice(0, 60)}`);
  };
  try {
    await say("");
    await say("LHLO localhost\r\n");
    await say(`MAIL FROM:<${from}>\r\n`);
    for (const recipient of to) await say(`RCPT TO:<${recipient}>\r\n`);
    await say("DATA\r\n", "3");
    const stuffed = bytes.toString("latin1").replace(/(^|\r\n)\./g, "$1..");
    await say(Buffer.from(`${stuffed}${stuffed.endsWith("\r\n") ? "" : "\r\n"}.\r\n`, "latin1"));
    for (const _further of to.slice(1)) await say("");
    await say("QUIT\r\n");
  } finally {
    socket.destroy();
  }
}
