/** One message to be opened: asked of the host, answered in the experiment's terms. */

import { HostError } from "../host-error.js";

/**
 * What the experiment is told; see experiments/reading/reading.mjs.
 *
 * @typedef {import("../../types/protocol").BodyReference} BodyReference
 *
 * @typedef {{ verdict: import("../../types/protocol").Verdict, content: ArrayBuffer | BodyReference | null, certificatePem?: string,
 *             domain?: string, details?: import("../../types/protocol").OpenDetails | null } | { failure: { code: string, message: string } }} Answer
 */

/**
 * @param {Pick<import("../host.js").Host, "request">} host
 * @param {{ message: ArrayBuffer | BodyReference, shownSha256: string | null, unauthentic?: boolean, deadlineMs: number }} job
 * @param {() => void} [onAsked] called when a person is asked for a PIN
 * @returns {Promise<Answer>}
 */
export async function open(host, { message, shownSha256, unauthentic, deadlineMs }, onAsked) {
  try {
    const fields = {
      ...(shownSha256 === null ? {} : { shown_sha256: shownSha256 }),
      ...(unauthentic ? { show_unauthentic: true } : {}),
    };
    const given = message instanceof ArrayBuffer ? new Uint8Array(message) : message;
    const options = { body: given, answerFile: true, deadlineMs, onAsked };
    const { result, body, file } = await host.request("open", fields, options);
    return {
      verdict: result.verdict,
      // No body is "nothing may be shown"; an empty mail still has a header.
      content: file ?? (body.length ? /** @type {ArrayBuffer} */ (body.buffer) : null),
      certificatePem: result.certificate_pem,
      domain: result.domain,
      details: result.details,
    };
  } catch (error) {
    return error instanceof HostError
      ? { failure: { code: error.code, message: error.hostMessage } }
      : { failure: { code: "internal", message: "" } };
  }
}
