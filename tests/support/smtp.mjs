/** A real SMTP server that keeps every mail as it came over the wire, and may hand it on by LMTP. */

import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { SMTPServer } from "smtp-server";
import { freePort, until } from "./process.mjs";

/**
 * @typedef {object} Mail
 * @property {string} from the envelope's
 * @property {string[]} to the envelope's
 * @property {Buffer} bytes the message exactly as it was sent, only the dots of RFC 5321 §4.5.2 undone
 */

/** An SMTP server at 127.0.0.1 without TLS and log-in. */
export class SmtpSpool {
  /**
   * @param {SMTPServer} server
   * @param {number} port
   * @param {string} directory
   */
  constructor(server, port, directory) {
    this.server = server;
    this.port = port;
    this.directory = directory;
  }

  /**
   * @param {string} directory the spool: N.eml, and N.json with the envelope
   * @param {{port?: number, deliver?: (mail: Mail) => Promise<void>}} [options] `deliver` hands a mail on before the
   *   client is told that it was taken; where it fails, so does the client's transaction
   */
  static async start(directory, { port, deliver = async () => {} } = {}) {
    mkdirSync(directory, { recursive: true });
    let count = readdirSync(directory).filter((name) => name.endsWith(".eml")).length;
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["AUTH", "STARTTLS"],
      disableReverseLookup: true,
      hideSMTPUTF8: false,
      logger: false,
      onData(stream, session, done) {
        /** @type {Buffer[]} */
        const parts = [];
        stream.on("data", (part) => parts.push(part));
        stream.on("end", () => {
          const { mailFrom, rcptTo } = session.envelope;
          const mail = {
            from: mailFrom ? mailFrom.address : "",
            to: rcptTo.map(({ address }) => address),
            bytes: Buffer.concat(parts),
          };
          const name = join(directory, String(++count).padStart(4, "0"));
          deliver(mail).then(() => {
            writeFileSync(`${name}.eml`, mail.bytes);
            writeFileSync(`${name}.json`, JSON.stringify({ from: mail.from, to: mail.to }));
            done();
          }, done);
        });
      },
    });
    // A client that goes away in the middle of a mail is what some tests are about.
    server.on("error", () => {});
    const at = port ?? (await freePort());
    await new Promise((resolve, reject) => {
      server.server.once("error", reject);
      server.listen(at, "127.0.0.1", () => resolve(undefined));
    });
    return new SmtpSpool(server, at, directory);
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
    await new Promise((resolve) => this.server.close(() => resolve(undefined)));
  }
}

/**
 * Hands a mail to an LMTP server (RFC 2033), octet for octet.
 *
 * @param {string} socketPath
 * @param {Mail} mail
 */
export async function deliverByLmtp(socketPath, { from, to, bytes }) {
  const socket = connect(socketPath);
  await once(socket, "connect");
  const lines = replies(socket);
  const say = async (/** @type {string | Buffer} */ what, expected = "2") => {
    socket.write(what);
    const { value: reply } = await lines.next();
    if (!reply?.startsWith(expected)) throw new Error(`LMTP said ${reply} to ${String(what).slice(0, 60)}`);
  };
  try {
    await say("");
    await say("LHLO localhost\r\n");
    await say(`MAIL FROM:<${from}>\r\n`);
    for (const recipient of to) await say(`RCPT TO:<${recipient}>\r\n`);
    await say("DATA\r\n", "3");
    const stuffed = bytes.toString("latin1").replace(/^\./gm, "..");
    await say(Buffer.from(`${stuffed}${stuffed.endsWith("\r\n") ? "" : "\r\n"}.\r\n`, "latin1"));
    for (const _further of to.slice(1)) await say("");
    await say("QUIT\r\n");
  } finally {
    socket.destroy();
  }
}

/**
 * The server's replies, each one's last line.
 *
 * @param {import("node:net").Socket} socket
 */
async function* replies(socket) {
  let text = "";
  for await (const data of socket) {
    text += data.toString("latin1");
    for (let end = text.indexOf("\r\n"); end >= 0; end = text.indexOf("\r\n")) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (line[3] !== "-") yield line;
    }
  }
}
