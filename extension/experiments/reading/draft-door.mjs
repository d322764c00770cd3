/**
 * The one door through which Thunderbird fills a compose window from a message: drafts, templates, "edit as new",
 * "forward inline", "redirect", and the forwarding of a filter. libmime does not hand encrypted content to part
 * handlers there, so that an *empty* window would open, and saving it would replace the draft.
 *
 * This stands in the converter's place. A message that is S/MIME at its root is held back, opened by the host, and only
 * then fed to the real converter, as a message with its own header and the plaintext. If it cannot be opened, there is
 * a sentence and no window. Everything else passes untouched.
 *
 * The compose side is told which windows were filled with decrypted text (decrypted-windows.mjs).
 */

import { bufferOf, Collector, octetsOf, sha256, sliceOf, streamOf } from "../shared/octets.mjs";
import { tellDecrypted, tellDraft } from "./decrypted-windows.mjs";
import { asMessage, isOpenedByHost, mixed, outerHeader, switchedInside } from "./draft-message.mjs";
import { fieldValue, headerFields, smimeKind, splitEntity } from "./mime-text.mjs";
import { openMessageHead } from "./open-message.mjs";
import { inPrivateTemp } from "./private-temp.mjs";
import { inChrome } from "./verdict-words.mjs";

/** The converter's contract for compose windows and quoting. */
export const DRAFT_CONVERTER = "@mozilla.org/streamconv;1?from=message/rfc822&to=application/xhtml+xml";
/** Another contract of the same class, through which the real one is had. */
export const REAL_CONVERTER = "@mozilla.org/streamconv;1?from=message/rfc822&to=text/html";

const FEED_OCTETS = 256 * 1024;

/** Messages being opened: a second click does not open a second window. @type {Set<string>} */
const opening = new Set();

export class DraftDoor {
  QueryInterface = ChromeUtils.generateQI([
    "nsIMimeStreamConverter",
    "nsIStreamConverter",
    "nsIStreamListener",
    "nsIRequestObserver",
  ]);
  #around;
  #real = Cc[REAL_CONVERTER].createInstance(Ci.nsIMimeStreamConverter);
  #listener = this.#real.QueryInterface(Ci.nsIStreamListener);
  /** `pass`: hand through; `look`: until the header is complete; `hold`: until all is there. */
  #mode = "pass";
  #collector = new Collector();
  #held = "";
  #type = 0;
  /** The field in which the compose side keeps what was switched in a draft. */
  #switched = "";

  /** @param {import("./part-handler.mjs").Surroundings} around */
  constructor(around) {
    this.#around = around;
  }

  get realConverter() {
    return this.#real;
  }

  /** @param {number} type quoting never sets one of the two, so it passes */
  setMimeOutputType(type) {
    this.#type = type;
    if (type === Ci.nsMimeOutput.nsMimeMessageDraftOrTemplate || type === Ci.nsMimeOutput.nsMimeMessageEditorTemplate) {
      this.#mode = "look";
    }
    this.#real.setMimeOutputType(type);
  }

  /** @param {any[]} args */
  setStreamURI(...args) {
    this.#real.setStreamURI(...args);
  }

  /** @param {any[]} args */
  setMimeHeadersListener(...args) {
    this.#real.setMimeHeadersListener(...args);
  }

  convert() {
    throw Components.Exception("", Cr.NS_ERROR_NOT_IMPLEMENTED);
  }

  getConvertedType() {
    throw Components.Exception("", Cr.NS_ERROR_NOT_IMPLEMENTED);
  }

  /** @param {any[]} args */
  asyncConvertData(...args) {
    this.#real.QueryInterface(Ci.nsIStreamConverter).asyncConvertData(...args);
  }

  /** @param {any} request */
  onStartRequest(request) {
    this.#listener.onStartRequest(request);
  }

  /**
   * @param {any} request
   * @param {any} stream
   * @param {number} offset
   * @param {number} count
   */
  onDataAvailable(request, stream, offset, count) {
    if (this.#mode === "pass") {
      this.#listener.onDataAvailable(request, stream, offset, count);
      return;
    }
    this.#collector.take(stream, count);
    if (this.#mode === "look") {
      this.#held += sliceOf(this.#collector.finish().buffer);
      if (/\r?\n\r?\n/.test(this.#held)) {
        const fields = headerFields(splitEntity(this.#held).head);
        this.#switched = fieldValue(fields, "x-dane-smime-draft");
        this.#mode = smimeKind(fieldValue(fields, "content-type")) ? "hold" : "pass";
        this.#passHeld(request);
      }
    }
  }

  /**
   * @param {any} request
   * @param {number} status
   */
  onStopRequest(request, status) {
    this.#held += sliceOf(this.#collector.finish().buffer);
    if (this.#mode === "hold" && !isOpenedByHost(this.#held)) {
      this.#mode = "pass"; // clear-signed text: libmime reads that by itself
    }
    if (this.#mode !== "hold") {
      this.#mode = "pass";
      this.#passHeld(request);
      this.#openingWindow(null, () => this.#listener.onStopRequest(request, status));
      return;
    }
    const loaded = Components.isSuccessCode(status);
    this.#open(request, loaded).catch((error) => {
      console.error("DANE S/MIME: a message could not be opened for writing", error);
      this.#around.display.refuseWindow(inChrome({ ok: false, code: "internal", message: "" }, "cms").sentences);
    });
  }

  /** @param {any} request */
  #passHeld(request) {
    if (this.#mode === "pass" && this.#held) {
      const held = this.#held;
      this.#held = "";
      this.#listener.onDataAvailable(request, streamOf(held), 0, held.length);
    }
  }

  /**
   * @param {any} request
   * @param {boolean} loaded whether all of the message is there
   */
  async #open(request, loaded) {
    const { head, body } = splitEntity(this.#held);
    const fields = headerFields(head);
    if (this.#real.forwardInlineFilter) {
      // A filter sends without a window, so nobody could see that plaintext leaves: the ciphertext goes, as a file.
      const note = `Content-Type: text/plain; charset=utf-8\r\n\r\n${this.#around.display.inUtf8("reading_filter_forward")}`;
      const file =
        'Content-Type: message/rfc822; name="encrypted.eml"\r\n' +
        'Content-Disposition: attachment; filename="encrypted.eml"\r\n\r\n';
      this.#feed(request, mixed(outerHeader(fields), [note, file + this.#held], newBoundary()), null);
      return;
    }
    const isDraft = this.#type === Ci.nsMimeOutput.nsMimeMessageDraftOrTemplate && !this.#real.forwardInline;
    const uri = this.#real.originalMsgURI;
    if (isDraft && opening.has(uri)) {
      return;
    }
    opening.add(uri);
    try {
      const bytes = loaded ? decoded(body, fieldValue(fields, "content-transfer-encoding")) : null;
      const outcome = await this.#ask(fields, head, bytes);
      if (!outcome.ok || outcome.content === null) {
        this.#around.display.refuseWindow(inChrome(outcome, "cms").sentences);
        return;
      }
      const encrypted = outcome.verdict.encryption.state === "decrypted";
      const entity = outcome.content.slice(0, outcome.content.length);
      this.#switched = encrypted ? switchedInside(entity) : "";
      this.#feed(request, asMessage(fields, entity, newBoundary()), encrypted ? outcome.verdict : null);
    } finally {
      opening.delete(uri);
    }
  }

  /**
   * @param {import("./mime-text.mjs").Field[]} fields
   * @param {string} head
   * @param {ArrayBuffer | null} bytes
   * @returns {Promise<import("./openings.mjs").Opened | import("./openings.mjs").NotOpened>}
   */
  async #ask(fields, head, bytes) {
    if (bytes === null) {
      return { ok: false, code: "bad-message", message: "" };
    }
    const openHead = openMessageHead(head, fieldValue(fields, "content-type"));
    const octets = octetsOf(bytes);
    /** @type {import("./openings.mjs").Sealed} */
    const sealed = { head: openHead, bytes: octets, shown: null, key: sha256([openHead, octets]) };
    return this.#around.openings.known(sealed) ?? this.#around.openings.open(sealed);
  }

  /**
   * Hands the message to the real converter, which opens the compose window before this returns.
   *
   * @param {any} request
   * @param {string} message byte string
   * @param {import("../../types/protocol").Verdict | null} decrypted the verdict, where it holds text that was encrypted
   */
  #feed(request, message, decrypted) {
    this.#openingWindow(decrypted, () =>
      inPrivateTemp(() => {
        for (let start = 0; start < message.length; start += FEED_OCTETS) {
          const piece = message.slice(start, start + FEED_OCTETS);
          this.#listener.onDataAvailable(request, streamOf(piece), start, piece.length);
        }
        this.#listener.onStopRequest(request, Cr.NS_OK);
      }),
    );
  }

  /**
   * Tells of the window that opens during some work.
   *
   * @param {import("../../types/protocol").Verdict | null} decrypted as for `#feed`
   * @param {() => void} work
   */
  #openingWindow(decrypted, work) {
    const watcher = {
      onOpenWindow: (/** @type {any} */ appWindow) => {
        const win = appWindow.docShell.domWindow;
        if (decrypted) {
          this.#tell(win, decrypted);
        }
        if (this.#switched) {
          tellDraft(win, this.#switched);
        }
      },
      onCloseWindow() {},
    };
    Services.wm.addListener(watcher);
    try {
      work();
    } finally {
      Services.wm.removeListener(watcher);
    }
  }

  /** @param {any} win a compose window that is being opened @param {import("../../types/protocol").Verdict} verdict */
  #tell(win, verdict) {
    const uri =
      win.arguments?.[0]?.QueryInterface?.(Ci.nsIMsgComposeParams).originalMsgURI || this.#real.originalMsgURI;
    if (uri) {
      this.#around.encrypted.remember(uri);
    }
    tellDecrypted(win, verdict);
  }
}

// What the composer sets on the converter belongs to the real one.
for (const name of [
  "forwardInline",
  "forwardInlineFilter",
  "forwardToAddress",
  "overrideComposeFormat",
  "identity",
  "originalMsgURI",
  "origMsgHdr",
]) {
  Object.defineProperty(DraftDoor.prototype, name, {
    get() {
      return this.realConverter[name];
    },
    set(value) {
      this.realConverter[name] = value;
    },
  });
}

/**
 * @param {string} body
 * @param {string} encoding the value of Content-Transfer-Encoding
 * @returns {ArrayBuffer | null} null for an encoding in which nobody sends CMS
 */
function decoded(body, encoding) {
  switch (encoding.toLowerCase()) {
    case "base64":
      try {
        return /** @type {ArrayBuffer} */ (Uint8Array.fromBase64(body.replace(/[^A-Za-z0-9+/=]/g, "")).buffer);
      } catch {
        return null;
      }
    case "":
    case "7bit":
    case "8bit":
    case "binary":
      return bufferOf(body);
    default:
      return null;
  }
}

function newBoundary() {
  return `dane-smime-${Services.uuid.generateUUID().toString().slice(1, -1)}`;
}
