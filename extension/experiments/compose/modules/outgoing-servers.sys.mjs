/**
 * The last door of every mail: the outgoing server. MessageSend calls it with what `Sending` has looked at. Others call it
 * past MessageSend (Thunderbird's receipts, written in C++; an add-on with an experiment), so there we look for ourselves.
 *
 * SMTP is JavaScript, and its one method is wrapped. Servers of another kind (Exchange) are native: whoever asks for the server of
 * an identity is given a {@link standIn}, which sends nothing unasked and is the server itself in everything else.
 */

const { SmtpServer } = ChromeUtils.importESModule("resource:///modules/SmtpServer.sys.mjs");

const SERVICE = "resource:///modules/OutgoingServerService.sys.mjs";

/** `sendMailMessage` of an nsIMsgOutgoingServer. @typedef {(...args: any[]) => any} SendMailMessage */

export class OutgoingServers {
  #environment;
  /** True while MessageSend itself calls. */
  #passing = false;
  #closed = false;

  /**
   * @param {object} environment
   * @param {import("./guard.sys.mjs").Guard} environment.guard
   * @param {(refusal: import("./guard.sys.mjs").Refusal) => void} environment.tellRefused
   */
  constructor(environment) {
    this.#environment = environment;
  }

  /** @param {import("../../shared/wraps.mjs").Wraps} wraps */
  install(wraps) {
    wraps.wrap(SmtpServer.prototype, "sendMailMessage", (server, original, args) => this.#send(server, original, args));
    const service = servicePrototype();
    if (!wraps.wrap(service, "getServerByIdentity", (_service, original, args) => this.#guarded(original(...args)))) {
      console.error("DANE S/MIME: this Thunderbird finds its outgoing servers in another way; Exchange is not guarded");
    }
  }

  /** From now all stand-ins only pass on, whoever still holds one. */
  close() {
    this.#closed = true;
  }

  /**
   * Lets MessageSend through, which asks for the server and calls it before it waits for anything.
   *
   * @template T
   * @param {() => T} call
   */
  pass(call) {
    this.#passing = true;
    try {
      return call();
    } finally {
      this.#passing = false;
    }
  }

  /** @param {any} server an nsIMsgOutgoingServer, or none */
  #guarded(server) {
    if (!server || this.#passing || isSmtp(server)) {
      return server;
    }
    const original = server.sendMailMessage.bind(server);
    return standIn(server, (...args) => (this.#closed ? original(...args) : this.#send(server, original, args)));
  }

  /** @param {any} server @param {SendMailMessage} original @param {any[]} args of it */
  async #send(server, original, args) {
    if (this.#passing) {
      return original(...args);
    }
    const { guard, tellRefused } = this.#environment;
    const [file, visible, blind, identity, from] = args;
    const recipients = [...visible, ...blind].map(({ email }) => email);
    const refusal = await guard.refusal({ file, from, identity, recipients, queued: false });
    if (!refusal) {
      return original(...args);
    }
    tellRefused(refusal);
    // What sends receipts would only put up a dialogue that says less.
    const status = refusal.kind === "receipt" ? Cr.NS_OK : Cr.NS_ERROR_FAILURE;
    return args[9]?.onSendStop(server.serverURI, status, null, refusal.text);
  }
}

/** Whether a server reads the recipients from the call (SMTP's envelope), not from the header. @param {any} server */
export function isSmtp(server) {
  return server?.wrappedJSObject instanceof SmtpServer;
}

function servicePrototype() {
  try {
    return ChromeUtils.importESModule(SERVICE).OutgoingServerService.prototype;
  } catch {
    return undefined;
  }
}

/**
 * @param {any} server an nsIMsgOutgoingServer
 * @param {SendMailMessage} sendMailMessage in place of its own
 */
function standIn(server, sendMailMessage) {
  /** @type {any} */
  const own = {
    sendMailMessage,
    QueryInterface(/** @type {any} */ iid) {
      const isOurs = [Ci.nsISupports, Ci.nsIMsgOutgoingServer].some((known) => iid.equals(known));
      return isOurs ? stand : server.QueryInterface(iid);
    },
  };
  const stand = new Proxy(own, {
    get(_own, name) {
      if (Object.hasOwn(own, name)) {
        return own[name];
      }
      const value = server[name];
      return typeof value === "function" ? value.bind(server) : value;
    },
    set(_own, name, value) {
      server[name] = value;
      return true;
    },
  });
  return stand;
}
