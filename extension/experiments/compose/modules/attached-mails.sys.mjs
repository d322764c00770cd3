/**
 * Attached mails that are encrypted, as by "Forward As Attachment": they leave as they are, and whoever they were not encrypted for
 * cannot open them. One line in the window says so, made of what the mails' own types say: neither the host nor the event page is
 * asked, and nothing waits for it.
 */

import { namesInALine } from "../../shared/names.mjs";
import { bytesOf } from "../../shared/octets.mjs";
import { showNotice } from "./dialogs.sys.mjs";
import { encryptionOf } from "./kind.sys.mjs";

const NOTICE = "dane-smime-attached";

/** How much of an attached mail is looked at. */
const LOOK_OCTETS = 256 * 1024;

/** Of Thunderbird's list of attachments; what it is filled with at the beginning counts as added. */
const EVENTS = ["attachments-added", "attachments-removed", "attachment-renamed"];

export class AttachedMails {
  #window;
  #text;
  /** One look after the other: the last one counts. */
  #looks = Promise.resolve();
  /** What was said last. Its reader may have closed it, and is not told the same once more. */
  #said = "";
  #isOver = false;
  #look = () => {
    this.#looks = this.#looks.then(() => this.#lookNow()).catch((error) => console.error(error));
  };

  /**
   * @param {any} window
   * @param {object} environment
   * @param {(key: string, substitutions?: string[]) => string} environment.text
   */
  constructor(window, { text }) {
    this.#window = window;
    this.#text = text;
    for (const event of EVENTS) {
      window.addEventListener(event, this.#look);
    }
    this.#look();
  }

  /** Takes the line away. */
  end() {
    this.#isOver = true;
    for (const event of EVENTS) {
      this.#window.removeEventListener(event, this.#look);
    }
    this.#look();
  }

  async #lookNow() {
    /** @type {Record<"whole" | "part" | "none", string[]>} */
    const names = { whole: [], part: [], none: [] };
    const attached = this.#isOver ? [] : mailsIn(this.#window.document.getElementById("attachmentBucket"));
    for (const { name, path } of attached) {
      names[await encryptionOfFile(path)].push(name);
    }
    const said = this.#sentences(names);
    if (said !== this.#said && !this.#window.closed) {
      this.#said = said;
      await showNotice(this.#window, NOTICE, said, [], "info");
    }
  }

  /** @param {{ whole: string[], part: string[] }} names */
  #sentences({ whole, part }) {
    const key = whole.length > 1 ? "attached_encrypted_many" : "attached_encrypted_one";
    // Where subjects are hidden, many mails have one name.
    const line = (/** @type {string[]} */ all) => namesInALine([...new Set(all)], this.#text);
    return [
      ...(whole.length > 0 ? [this.#text(key, [line(whole)])] : []),
      ...(part.length > 0 ? [this.#text("attached_encrypted_part", [line(part)])] : []),
    ].join(" ");
  }
}

/**
 * What goes as a mail, and not as some file. Thunderbird puts a mail out of a folder into a file as soon as it is attached.
 *
 * @param {any} bucket Thunderbird's list of attachments
 * @returns {{ name: string, path: string }[]}
 */
function mailsIn(bucket) {
  return [...(bucket?.itemChildren ?? [])]
    .map(({ attachment }) => attachment)
    .filter((attachment) => attachment?.url.startsWith("file:"))
    .filter(({ url, contentType }) => /^message\/(rfc822|global)\b/i.test(contentType) || /\.eml$/i.test(url))
    .map(({ name, url }) => ({ name, path: Services.io.newURI(url).QueryInterface(Ci.nsIFileURL).file.path }));
}

/** @param {string} path */
async function encryptionOfFile(path) {
  try {
    return encryptionOf(bytesOf(await IOUtils.read(path, { maxBytes: LOOK_OCTETS })));
  } catch {
    return "none"; // what cannot be read is not sent either, and Thunderbird says so
  }
}
