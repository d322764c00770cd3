/**
 * Puts our parts in the place of Thunderbird's by contract id, and puts Thunderbird's back. All of them or none: with
 * some missing, mail would open blank where it opened before.
 */

import { DRAFT_CONVERTER, DraftDoor, REAL_CONVERTER } from "./draft-door.mjs";
import { mediaType, smimeKind } from "./mime-text.mjs";
import { PartHandler } from "./part-handler.mjs";

/** libmime asks here first how a media type is handled. */
const HANDLER_OF = "@mozilla.org/mimecth;1?type=";
/** libmime's own class for a part that JavaScript opens; OpenPGP is what it was made for. */
const OPENED_IN_JS = `${HANDLER_OF}multipart/encrypted`;
/** What that class hands the part to. */
const OPENER = "@mozilla.org/mime/pgp-mime-js-decrypt;1";

const OPENPGP_HANDLER = "resource:///modules/PgpMimeHandler.sys.mjs";

/** @typedef {{ contract: string, id: string, make(): any }} Replacement */

export class Registration {
  /** @type {{ factory: any, contract: string }[]} */
  #factories = [];
  /** What stood there before, by contract. @type {Map<string, any>} */
  #before = new Map();
  #around;

  /** @param {import("./part-handler.mjs").Surroundings} around */
  constructor(around) {
    this.#around = around;
  }

  /**
   * Registers everything, or nothing.
   *
   * @returns {string[]} what this Thunderbird lacks; empty when registered
   */
  install() {
    const missing = missingParts();
    if (missing.length) {
      return missing;
    }
    try {
      for (const replacement of this.#replacements()) {
        this.#register(replacement);
      }
      return [];
    } catch (error) {
      console.error("DANE S/MIME: could not be registered", error);
      this.remove();
      return [String(error)];
    }
  }

  /** Undoes `install`. */
  remove() {
    for (const { factory, contract } of this.#factories) {
      registrar().unregisterFactory(factory.classID, factory);
      try {
        // Unregistering leaves the contract without a factory; this points it to the one it had.
        const before = this.#before.get(contract);
        if (before) {
          registrar().registerFactory(before, "", contract, null);
        }
      } catch {
        // What stood there before has gone itself meanwhile.
      }
    }
    this.#factories = [];
    this.#before.clear();
  }

  /** @returns {Replacement[]} */
  #replacements() {
    const { PgpMimeHandler } = ChromeUtils.importESModule(OPENPGP_HANDLER);
    const around = this.#around;
    const openedInJs = () => Cc[OPENED_IN_JS].createInstance(Ci.nsIMimeContentTypeHandler);
    return [
      {
        contract: `${HANDLER_OF}application/pkcs7-mime`,
        id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e01}",
        make: openedInJs,
      },
      {
        contract: `${HANDLER_OF}application/x-pkcs7-mime`,
        id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e02}",
        make: openedInJs,
      },
      { contract: `${HANDLER_OF}multipart/signed`, id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e03}", make: openedInJs },
      {
        contract: OPENER,
        id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e04}",
        make: () => new Dispatcher(around, () => new PgpMimeHandler()),
      },
      { contract: DRAFT_CONVERTER, id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e05}", make: () => new DraftDoor(around) },
    ];
  }

  /** @param {Replacement} replacement */
  #register({ contract, id, make }) {
    const factory = {
      classID: Components.ID(id),
      QueryInterface: ChromeUtils.generateQI(["nsIFactory"]),
      createInstance: (/** @type {any} */ iid) => make().QueryInterface(iid),
    };
    if (registrar().isContractIDRegistered(contract)) {
      this.#before.set(contract, registrar().contractIDToCID(contract));
    }
    registrar().registerFactory(factory.classID, "DANE S/MIME", contract, factory);
    this.#factories.push({ factory, contract });
  }
}

/** Gives each part to the one that can open it: S/MIME to us, all else to OpenPGP as ever. */
class Dispatcher {
  QueryInterface = ChromeUtils.generateQI(["nsIStreamListener"]);
  #around;
  #openPgp;
  /** nsIStreamListener @type {any} */
  #handler = null;

  /**
   * @param {import("./part-handler.mjs").Surroundings} around
   * @param {() => any} openPgp
   */
  constructor(around, openPgp) {
    this.#around = around;
    this.#openPgp = openPgp;
  }

  /** @param {any} request */
  onStartRequest(request) {
    const { contentType } = request.QueryInterface(Ci.nsIPgpMimeProxy);
    // Only multiparts were ever OpenPGP's; all else came through the contracts above, by the name of its file perhaps.
    const kind = smimeKind(contentType) ?? (mediaType(contentType).startsWith("multipart/") ? null : "cms");
    const handler = kind ? new PartHandler(this.#around, kind) : this.#openPgp();
    this.#handler = handler;
    // A large mail comes in a million pieces: no detour for each of them.
    this.onDataAvailable = handler.onDataAvailable.bind(handler);
    handler.onStartRequest(request);
  }

  /** @type {(request: any, stream: any, offset: number, count: number) => void} */
  onDataAvailable = () => {};

  /**
   * @param {any} request
   * @param {number} status
   */
  onStopRequest(request, status) {
    this.#handler.onStopRequest(request, status);
  }
}

/** @returns {any} */
function registrar() {
  return Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
}

/** Each internal of Thunderbird that we stand on, looked for before anything is touched. */
function missingParts() {
  const missing = [OPENED_IN_JS, OPENER, DRAFT_CONVERTER, REAL_CONVERTER].filter((contract) => !(contract in Cc));
  missing.push(
    ...[
      "nsIMimeContentTypeHandler",
      "nsIPgpMimeProxy",
      "nsIMailChannel",
      "nsIMsgMailNewsUrl",
      "nsIMsgMessageUrl",
      "nsIMimeStreamConverter",
      "nsIEncryptedSMIMEURIsService",
      "nsICMSMessageErrors",
    ].filter((name) => !(name in Ci)),
  );
  try {
    const { PgpMimeHandler } = ChromeUtils.importESModule(OPENPGP_HANDLER);
    new PgpMimeHandler();
  } catch {
    missing.push(OPENPGP_HANDLER);
  }
  return missing;
}
