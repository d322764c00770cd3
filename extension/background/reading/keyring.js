/** Whether what was decrypted may still be kept. */

import { HostError } from "../host-error.js";

/**
 * @param {Pick<import("../host.js").Host, "request">} host
 * @returns {Promise<{ locked: boolean }>} locked too where the host cannot say; a host that is too old to be asked keeps the
 *   keyring's secret no better, and there age alone counts
 */
export async function isKeyringLocked(host) {
  try {
    const { result } = await host.request("keyring", {}, { deadlineMs: 5_000 });
    return { locked: result.locked !== false };
  } catch (error) {
    return { locked: !(error instanceof HostError && error.code === "unknown-request") };
  }
}
