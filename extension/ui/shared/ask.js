/** What the pages about keys ask of the event page, which asks the host. */

import { text } from "./dom.js";

/** A request that did not go well; `message` is the sentence for people. */
export class Refused extends Error {
  /** @param {{ code: string, sentence: string }} error */
  constructor({ code, sentence }) {
    super(sentence);
    this.code = code;
  }
}

/**
 * @template {keyof import("../../types/protocol").Requests} T
 * @param {T} type
 * @param {import("../../types/protocol").Requests[T]["request"]} fields
 * @param {Uint8Array} [body]
 * @returns {Promise<{ result: import("../../types/protocol").Requests[T]["result"], body: Uint8Array }>}
 * @throws {Refused}
 */
export function request(type, fields, body) {
  return tell({ what: "request", type, fields, body });
}

/**
 * @param {Record<string, unknown>} message
 * @returns {Promise<any>}
 * @throws {Refused}
 */
export async function tell(message) {
  const answer = await browser.runtime.sendMessage({ to: "keys", ...message });
  if (answer?.error) {
    throw new Refused(answer.error);
  }
  return answer;
}

/**
 * The words of the host's password window: for a password that is known, or a new one.
 *
 * @param {"file" | "backup" | "new_file" | "new_backup"} what
 */
export function prompt(what) {
  const isNew = what.startsWith("new_");
  return {
    description: text(`prompt_${what}`),
    label: text("prompt_label"),
    wrong: text(isNew ? "prompt_empty" : "prompt_wrong"),
    ...(isNew && { repeat: text("prompt_repeat"), mismatch: text("prompt_mismatch") }),
  };
}

/**
 * A file that the user picked. A PEM file whose private key has no password stays here: secrets do not go through the port.
 *
 * @param {File} file
 * @throws {Refused}
 */
export async function readKeyFile(file) {
  const octets = new Uint8Array(await file.arrayBuffer());
  const head = new TextDecoder("latin1").decode(octets);
  if (/-----BEGIN (?!ENCRYPTED )(?:[^-\n]+ )?PRIVATE KEY-----(?!\s*Proc-Type: 4,ENCRYPTED)/.test(head)) {
    throw new Refused({ code: "key-in-the-clear", sentence: text("error_key_in_the_clear") });
  }
  return octets;
}

/**
 * Hands a file to the user, who says where to.
 *
 * @param {string} filename
 * @param {Uint8Array} content
 * @param {string} type
 */
export async function save(filename, content, type) {
  const url = URL.createObjectURL(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (content)], { type }));
  try {
    await browser.downloads.download({ url, filename, saveAs: true });
  } catch (error) {
    if (!/cancel/i.test(String(error))) {
      throw error;
    }
  } finally {
    // The download reads it while it goes on.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
