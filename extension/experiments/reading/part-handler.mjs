/**
 * The stream listener that libmime feeds with one S/MIME part and that gives it back what may be drawn. It opens the
 * whole of a message and nothing less, hands out content only as the host gave it, and on any doubt hands out nothing.
 *
 * What it gives back has to be given during `onStopRequest`, and the host answers a moment later. So a nested event loop
 * waits for it, as Thunderbird's OpenPGP does; everything else goes on meanwhile. Where a host takes long, or the
 * reader goes through many messages at once, a message is drawn empty, and again when the host has answered: to draw a
 * mail of 30 MiB twice is what costs the seconds, not to open it.
 */

import { clearTimeout, setTimeout } from "resource://gre/modules/Timer.sys.mjs";
import { asBytes, bufferOf, Collector, sha256, sliceOf } from "../shared/octets.mjs";
import { tellQuoting } from "./decrypted-windows.mjs";
import { messageAt } from "./drawn-headers.mjs";
import { earlyPart, readEarly } from "./early.mjs";
import {
  aroundEntity,
  fieldValue,
  firstPart,
  headerFields,
  isBareText,
  isWholeMessage,
  ownName,
  parameter,
  smimeKind,
  smimeType,
  splitEntity,
  toCrlf,
} from "./mime-text.mjs";
import { openMessageHead } from "./open-message.mjs";
import { asUnauthentic } from "./openings.mjs";

/** How long quoting, printing or saving an attachment may wait for the host. */
const NESTED_MS = 15_000;
/** How long drawing may; after that the message is drawn empty, and once more when the host has answered. */
const DRAWING_MS = 8_000;

/** Waiting for one message while another is waited for is rare (a person goes through the list), and no further nested. */
const MOST_DRAWINGS = 2;
const MOST_NESTED = 4;

/** libmime is handed so many octets at once, so that no second copy of a large mail is made. */
const OUTPUT_OCTETS = 1024 * 1024;

/** So long libmime may go through a large mail at a stretch. */
const BREATH_MS = 40;

/** Longer headers of an entity are not looked at for its type. */
const HEADER_OCTETS = 256 * 1024;

/**
 * What a part that stays closed is. By a name that ends in .p7m, libmime would take an octet-stream for S/MIME again; a signed
 * invoice (`invoice.xml.p7m`) is found by its name alone, so it keeps that and is of a type that is nobody's.
 */
const CLOSED = 'application/octet-stream; name="smime-part.bin"';
const CLOSED_AND_NAMED = "application/x-closed-smime";

/** @type {import("./openings.mjs").NotOpened} */
const TOO_LONG = { ok: false, code: "deadline", message: "" };
/** @type {import("./openings.mjs").NotOpened} */
const BROKEN = { ok: false, code: "internal", message: "" };

/**
 * @typedef {object} Surroundings what the handlers of all parts share
 * @property {import("../shared/bodies.mjs").Bodies} bodies
 * @property {import("./openings.mjs").Openings} openings
 * @property {import("./message-views.mjs").MessageViews} views
 * @property {import("./verdict-display.mjs").VerdictDisplay} display
 * @property {import("./encrypted-uris.mjs").EncryptedUris} encrypted
 * @property {import("./drawn-headers.mjs").DrawnHeaders} headers
 * @property {import("./attachments.mjs").Attachments} attachments
 */

/**
 * What can be given to libmime: a byte string, or what a byte string can be sliced of.
 *
 * @typedef {{ length: number, slice(start: number, end: number): string }} Drawn
 */

/** Handles one part of the kinds `cms` and `signed` (mime-text.mjs). */
export class PartHandler {
  #around;
  /** @type {"cms" | "signed"} */
  #kind;
  /** nsIPgpMimeProxy, while the part is being loaded @type {any} */
  #proxy;
  /** @type {any} */
  #collector;
  /** @type {import("./message-views.mjs").MessageView | null} */
  #view = null;

  /**
   * @param {Surroundings} around
   * @param {"cms" | "signed"} kind
   * @param {Collector} collector where the part's octets come together
   */
  constructor(around, kind, collector) {
    this.#around = around;
    this.#kind = kind;
    this.#collector = collector;
  }

  /** @param {any} request */
  onStartRequest(request) {
    this.#proxy = request.QueryInterface(Ci.nsIPgpMimeProxy);
    this.#view = this.#isScanned ? null : this.#around.views.begin(this.#proxy.mailChannel, this.#isWhole);
    if (this.#view && !this.#view.isDrawnAgain && this.#kind === "cms" && this.#proxy.mimePart === "1") {
      this.#beginEarly(this.#view);
    }
  }

  /**
   * @param {any} _request
   * @param {number} status
   */
  onStopRequest(_request, status) {
    // An exception here would be a blank message without a word.
    try {
      if (Components.isSuccessCode(status)) {
        this.#handle(this.#collector.finish());
      }
    } catch (error) {
      console.error("DANE S/MIME: a part could not be handled", error);
      if (this.#view) {
        this.#around.display.show(this.#view, BROKEN, this.#kind);
      }
    } finally {
      // The proxy holds us, too: who held the other for longer would keep the message in memory for ever.
      this.#proxy = null;
      this.#collector = null;
    }
  }

  /** Whether it is the message as a whole. */
  get #isWhole() {
    const { mimePart, allowNestedDecrypt } = this.#proxy;
    return mimePart === "1" || (mimePart === "1.1" && allowNestedDecrypt);
  }

  /** Whether it is loaded for filters or the search index: they get nothing that was encrypted. */
  get #isScanned() {
    return /[?&](header=(filter|enigmailFilter)|emitter=js)\b/.test(this.#proxy.messageURI?.spec ?? "");
  }

  /**
   * Whether libmime copies the message: it writes the part's header as it stands, and what we give behind it, so that must
   * be the part as it came. It does so where a message around this part, itself an attachment, is fetched to be saved or
   * opened; and where a message from which an attachment was taken out is put in the place of the original, on the disk
   * or on the server.
   */
  get #isCopied() {
    const spec = this.#proxy.messageURI?.spec ?? "";
    const requested = /[?&]part=([0-9.]+)/.exec(spec)?.[1];
    const isWithin = requested !== undefined && this.#proxy.mimePart.startsWith(`${requested}.`);
    return isWithin || /[?&]header=attach\b/.test(spec);
  }

  /**
   * A large mail is read from the folder and given to the host at once, while libmime still goes through it. If what
   * libmime hands over in the end is anything else, this was in vain: the answer belongs to the octets it was asked for.
   *
   * @param {import("./message-views.mjs").MessageView} view
   */
  #beginEarly(view) {
    const { bodies, openings } = this.#around;
    try {
      const part = earlyPart(view.win.gMessage);
      if (part) {
        const head = this.#headFor(part.header);
        readEarly(part, head, bodies, () => !view.isCurrent).then((sealed) => sealed && openings.openEarly(sealed));
      }
    } catch {
      // libmime will say what is wrong.
    }
  }

  /** @param {import("../shared/octets.mjs").Octets} octets */
  #handle(octets) {
    if (this.#isCopied) {
      this.#write(this.#kind === "cms" ? asBase64(octets.buffer) : ended(sliceOf(octets.buffer)));
      return;
    }
    const whole = this.#isWhole;
    if (this.#kind === "cms") {
      whole ? this.#open(octets) : this.#leaveClosed(octets.buffer);
      return;
    }
    const text = sliceOf(octets.buffer);
    const first = firstPart(text, parameter(this.#proxy.contentType, "boundary") ?? "");
    const innerType = fieldValue(headerFields(splitEntity(first ?? "").head), "content-type");
    const inner = smimeKind(innerType);
    if (inner && whole) {
      this.#open(octets); // what is signed is itself to be opened: the host takes off all the layers
    } else if (first !== null && whole && isWholeMessage(innerType) && !this.#isScanned) {
      this.#open(octets, first);
    } else if (inner) {
      this.#leaveClosed(bufferOf(first ?? ""));
    } else {
      this.#showSigned(octets, first ?? `Content-Type: text/plain\r\n\r\n${text}`, whole);
    }
  }

  /**
   * Clear-signed text: drawn at once, judged later. The host is told the hash of exactly what was drawn, without the blank
   * line that stands before text without a header.
   *
   * @param {import("../shared/octets.mjs").Octets} octets
   * @param {string} drawn its first part
   * @param {boolean} whole whether it is the whole message
   */
  #showSigned(octets, drawn, whole) {
    this.#output(isBareText(drawn) ? `\r\n${drawn}` : drawn); // the blank line says that there is no header
    if (!this.#view) {
      return;
    }
    if (!whole) {
      this.#around.display.closedPart(this.#view, this.#kind);
      return;
    }
    const view = this.#view;
    const sealed = this.#sealed(octets, sha256([toCrlf(drawn)]));
    const known = this.#around.openings.known(sealed);
    if (known) {
      this.#around.display.show(view, known, this.#kind);
      return;
    }
    const answer = this.#around.openings.open(sealed);
    this.#around.display.pending(view, answer, "reading_checking", this.#around.openings.asked(sealed));
    answer.then((outcome) => this.#around.display.show(view, outcome, this.#kind));
  }

  /**
   * A part of which nothing can be drawn before the host has opened it, or not as it is meant.
   *
   * @param {import("../shared/octets.mjs").Octets} octets
   * @param {string | null} [signed] the part of it that may be drawn where the host does not answer: it came in the clear
   */
  #open(octets, signed = null) {
    if (this.#isScanned) {
      return;
    }
    const sealed = this.#sealed(octets, null);
    if (this.#view) {
      this.#draw(this.#view, sealed, signed);
    } else if (this.#proxy.mailChannel) {
      const { openings } = this.#around;
      const drawn = this.#asDrawn(octets) ?? sealed;
      this.#use(
        openings.kept(drawn) ?? openings.kept(sealed) ?? this.#revealed(drawn) ?? this.#waitFor(sealed),
        signed,
      );
    }
  }

  /**
   * The same as it was drawn, for a load that comes without a header; only to be looked up by.
   *
   * @param {import("../shared/octets.mjs").Octets} octets
   */
  #asDrawn(octets) {
    const header = this.#around.headers.of(messageAt(this.#proxy.messageURI.spec));
    return header === null ? null : this.#sealed(octets, null, header);
  }

  /**
   * @param {import("./message-views.mjs").MessageView} view
   * @param {import("./openings.mjs").Sealed} sealed
   * @param {string | null} signed as for `#open`
   */
  #draw(view, sealed, signed) {
    const { openings, display, headers } = this.#around;
    headers.remember(messageAt(this.#proxy.messageURI.spec), asBytes(headerOf(this.#proxy.messageURI)));
    const kind = signed === null ? "cms" : "signed";
    const handed = view.takeHanded(sealed.key);
    if (handed === "other") {
      display.show(view, BROKEN, "cms");
      return;
    }
    const opened = handed ?? openings.known(sealed);
    const reveal = () => this.#reveal(view, sealed);
    if (opened) {
      display.show(view, opened, kind, reveal);
      if (opened.content !== null) {
        this.#output(opened.content);
      }
      return;
    }
    const answer = openings.open(sealed);
    display.pending(view, answer, kind === "cms" ? "reading_decrypting" : "reading_checking", openings.asked(sealed));
    const inTime = within(answer, DRAWING_MS, () => !view.isCurrent);
    if (inTime) {
      display.show(view, inTime, kind, reveal);
      const content = inTime.ok ? inTime.content : signed;
      if (content && view.isCurrent) {
        this.#output(content);
      }
      return;
    }
    answer.then((outcome) => {
      if (outcome.ok && outcome.content !== null && view.isCurrent) {
        view.drawAgain(sealed.key, outcome);
      } else {
        display.show(view, outcome, kind, reveal);
      }
    });
  }

  /**
   * The reader wants to see what was kept back. It is drawn this once.
   *
   * @param {import("./message-views.mjs").MessageView} view
   * @param {import("./openings.mjs").Sealed} sealed
   */
  #reveal(view, sealed) {
    const { openings, display } = this.#around;
    const revealed = asUnauthentic(sealed);
    const answer = openings.open(revealed);
    display.pending(view, answer, "reading_decrypting", openings.asked(revealed));
    answer.then((outcome) => {
      if (outcome.ok && outcome.content !== null && view.isCurrent) {
        view.drawAgain(sealed.key, outcome);
      } else {
        display.show(view, outcome, "cms");
      }
    });
  }

  /**
   * Attachments and print of what the reader has asked to see. A quotation gets nothing of it: a reply could carry the
   * plaintext to whoever put the message together.
   *
   * @param {import("./openings.mjs").Sealed} sealed
   */
  #revealed(sealed) {
    const isQuoted = /[?&]header=quote/.test(this.#proxy.messageURI?.spec ?? "");
    return isQuoted ? null : this.#around.openings.kept(asUnauthentic(sealed));
  }

  /**
   * Hands content to who asked for it without drawing it.
   *
   * @param {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened} opened
   * @param {string | null} signed as for `#open`
   */
  #use(opened, signed) {
    if (!opened.ok || opened.content === null) {
      if (!opened.ok && signed !== null) {
        this.#output(signed);
      } else {
        this.#around.attachments.refuse(this.#proxy.messageURI.spec, opened);
      }
      return;
    }
    if (opened.verdict.encryption.state === "decrypted") {
      const uri = this.#around.encrypted.rememberLoad(this.#proxy.messageURI);
      if (/[?&]header=quotebody\b/.test(this.#proxy.messageURI.spec)) {
        tellQuoting(uri, opened.verdict);
      }
    }
    this.#output(opened.content);
  }

  /**
   * @param {import("./openings.mjs").Sealed} sealed
   * @returns {import("./openings.mjs").Opened | import("./openings.mjs").NotOpened}
   */
  #waitFor(sealed) {
    return within(this.#around.openings.open(sealed), NESTED_MS, () => false, MOST_NESTED) ?? TOO_LONG;
  }

  /**
   * A part inside something else: who wrote the rest could use its plaintext, so it stays what it is, a file.
   *
   * @param {ArrayBuffer} bytes
   */
  #leaveClosed(bytes) {
    if (this.#view) {
      this.#around.display.closedPart(this.#view, "cms");
    }
    if (this.#proxy.mailChannel && !this.#isScanned) {
      const name = ownName(this.#proxy.contentType);
      this.#write(
        `Content-Type: ${name ? CLOSED_AND_NAMED + name : CLOSED}\r\nContent-Transfer-Encoding: base64\r\n` +
          `Content-Disposition: attachment\r\n\r\n${asBase64(bytes)}`,
      );
    }
  }

  /**
   * @param {Pick<import("../shared/octets.mjs").Octets, "length" | "stream" | "buffer">} bytes
   * @param {string | null} shown
   * @param {string} [header] of the message, which libmime does not know before it has read it
   * @returns {import("./openings.mjs").Sealed}
   */
  #sealed(bytes, shown, header = asBytes(headerOf(this.#proxy.messageURI))) {
    const head = this.#headFor(header);
    return { head, bytes, shown, key: sha256([head, bytes]) };
  }

  /** @param {string} header of the message */
  #headFor(header) {
    return openMessageHead(header, asBytes(smimeType(this.#proxy.contentType)));
  }

  /** @param {Drawn} entity */
  #output(entity) {
    const boundary = `dane-smime-${Services.uuid.generateUUID().toString().slice(1, -1)}`;
    const [before, after] = aroundEntity(entity.slice(0, HEADER_OCTETS), boundary);
    this.#write(before);
    this.#write(entity);
    this.#write(after);
  }

  /** @param {Drawn} octets */
  #write(octets) {
    let last = Date.now();
    for (let start = 0; start < octets.length; start += OUTPUT_OCTETS) {
      if (this.#view && Date.now() - last > BREATH_MS) {
        breathe();
        last = Date.now();
        if (!this.#view.isCurrent) {
          return; // the reader has gone on to another message
        }
      }
      const piece = octets.slice(start, start + OUTPUT_OCTETS);
      this.#proxy.outputDecryptedData(piece, piece.length);
    }
  }
}

/** How many are being waited for now. */
let nested = 0;

/** Lets everything else that waits have its turn: to go through a large mail takes libmime a second, and it is called by us. */
function breathe() {
  within(new Promise((resolve) => setTimeout(() => resolve(undefined), 0)), BREATH_MS, () => false);
}

/**
 * Waits in a nested event loop, so that everything else goes on, but what called us does not.
 *
 * @template T
 * @param {Promise<T>} answer that is never rejected
 * @param {number} ms
 * @param {() => boolean} isVain nobody waits any more
 * @param {number} [most] of such loops, one inside another
 * @returns {T | null} null where it did not come in time
 */
function within(answer, ms, isVain, most = MOST_DRAWINGS) {
  if (nested >= most) {
    return null;
  }
  /** @type {T | null} */
  let come = null;
  let over = false;
  const timer = setTimeout(() => (over = true), ms);
  answer.then((outcome) => {
    come = outcome;
    over = true;
  });
  nested++;
  try {
    Services.tm.spinEventLoopUntil(
      "DANE S/MIME: a message is opened",
      () => over || isVain() || Services.startup.shuttingDown,
    );
  } finally {
    nested--;
    clearTimeout(timer);
  }
  return come;
}

/**
 * The header of the message as it was received. Quoting and saving come without one; then From as the folder knows it,
 * which is the first: enough to tell whether a mail that may only be shown when it is signed is signed by its sender.
 *
 * @param {any} url
 * @returns {string} empty where Thunderbird does not have it: then no one is said to have written the message
 */
function headerOf(url) {
  try {
    return url.QueryInterface(Ci.nsIMsgMailNewsUrl).mimeHeaders.allHeaders;
  } catch {
    // It throws where it has none.
  }
  try {
    return `From: ${url.QueryInterface(Ci.nsIMsgMessageUrl).messageHeader.author}\n`;
  } catch {
    return "";
  }
}

/** libmime drops a last line that does not end. @param {string} text */
function ended(text) {
  return text.endsWith("\n") ? text : `${text}\r\n`;
}

/**
 * @param {ArrayBuffer} bytes
 * @returns {string} in lines, as CMS is sent
 */
function asBase64(bytes) {
  return `${new Uint8Array(bytes).toBase64().replace(/.{76}/g, "$&\r\n")}\r\n`;
}
