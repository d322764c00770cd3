/**
 * Puts our parts in the place of Thunderbird's by contract id, and puts Thunderbird's back. All of them or none: with
 * some missing, mail would open blank where it opened before.
 */

import { Collector, sliceOf, streamOf } from "../shared/octets.mjs";
import { DRAFT_CONVERTER, DraftDoor, REAL_CONVERTER } from "./draft-door.mjs";
import { mediaType, smimeKind } from "./mime-text.mjs";
import { PartHandler } from "./part-handler.mjs";

/** libmime asks here first how a media type is handled. */
const HANDLER_OF = "@mozilla.org/mimecth;1?type=";
/** libmime's own class for a part that JavaScript opens; OpenPGP is what it was made for. */
const OPENED_IN_JS = `${HANDLER_OF}multipart/encrypted`;
/** What that class hands the part to. */
const OPENER = "@mozilla.org/mime/pgp-mime-js-decrypt;1";

/** Thunderbird's own stream listener that writes to an output stream. */
const NATIVE_LISTENER = "@mozilla.org/network/simple-stream-listener;1";

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
    // libmime makes the opener of a part right after its class, and does not say then what it is for.
    let cmsIsNext = false;
    const cms = () => {
      cmsIsNext = true;
      return openedInJs();
    };
    const opener = () => {
      const dispatcher = new Dispatcher(around, () => new PgpMimeHandler());
      const isCms = cmsIsNext;
      cmsIsNext = false;
      return isCms ? dispatcher.nativeListener() : dispatcher;
    };
    return [
      { contract: `${HANDLER_OF}application/pkcs7-mime`, id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e01}", make: cms },
      { contract: `${HANDLER_OF}application/x-pkcs7-mime`, id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e02}", make: cms },
      { contract: `${HANDLER_OF}multipart/signed`, id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e03}", make: openedInJs },
      {
        contract: OPENER,
        id: "{6f0c6c5e-2a7b-4b0e-8d5c-1f2a7c9b3e04}",
        make: opener,
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
  QueryInterface = ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]);
  #around;
  #openPgp;
  /** A Collector, until the part has been handled @type {any} */
  #collector = new Collector();
  /** nsIStreamListener @type {any} */
  #handler = null;
  /** The handler is OpenPGP's. */
  #passes = false;

  /**
   * @param {import("./part-handler.mjs").Surroundings} around
   * @param {() => any} openPgp
   */
  constructor(around, openPgp) {
    this.#around = around;
    this.#openPgp = openPgp;
  }

  /**
   * A listener that collects without a line of JavaScript for each of the million pieces of a large mail, and asks us
   * only at the beginning and at the end.
   */
  nativeListener() {
    const listener = Cc[NATIVE_LISTENER].createInstance(Ci.nsISimpleStreamListener);
    listener.init(this.#collector.sink, this);
    return listener;
  }

  /** @param {any} request */
  onStartRequest(request) {
    const { contentType } = request.QueryInterface(Ci.nsIPgpMimeProxy);
    // Only multiparts were ever OpenPGP's; all else came through the contracts above, by the name of its file perhaps.
    const kind = smimeKind(contentType) ?? (mediaType(contentType).startsWith("multipart/") ? null : "cms");
    this.#passes = kind === null;
    this.#handler = kind ? new PartHandler(this.#around, kind, this.#collector) : this.#openPgp();
    this.#handler.onStartRequest(request);
  }

  /**
   * @param {any} request
   * @param {any} stream
   * @param {number} offset
   * @param {number} count
   */
  onDataAvailable(request, stream, offset, count) {
    this.#passes ? this.#handler.onDataAvailable(request, stream, offset, count) : this.#collector.take(stream, count);
  }

  /**
   * @param {any} request
   * @param {number} status
   */
  onStopRequest(request, status) {
    const handler = this.#handler;
    try {
      if (this.#passes) {
        this.#passCollected(request);
      }
      handler.onStopRequest(request, status);
    } finally {
      // libmime's proxy holds us. What we hold would stay in memory for ever, were the proxy a part of it.
      this.#handler = null;
      this.#collector = null;
    }
  }

  /**
   * OpenPGP gets what the native listener took for ours, in lines, as it comes from libmime.
   *
   * @param {any} request
   */
  #passCollected(request) {
    const text = sliceOf(this.#collector.finish().buffer);
    for (const line of text.match(/[^\n]*\n|[^\n]+/g) ?? []) {
      this.#handler.onDataAvailable(request, streamOf(line), 0, line.length);
    }
  }
}

/** @returns {any} */
function registrar() {
  return Components.manager.QueryInterface(Ci.nsIComponentRegistrar);
}

/** Each internal of Thunderbird that we stand on, looked for before anything is touched. */
function missingParts() {
  const missing = [OPENED_IN_JS, OPENER, DRAFT_CONVERTER, REAL_CONVERTER, NATIVE_LISTENER].filter(
    (contract) => !registrar().isContractIDRegistered(contract), // `in Cc` remembers what once was there
  );
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
