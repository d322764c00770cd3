/**
 * Mail that leaves without being encrypted: whether it may. Most of it has no compose window, so nobody is there to be
 * asked: a receipt, a calendar reply, a filter's answer, another add-on's mail. Pure: facts in, answer out.
 */

import { namesInALine } from "../../experiments/shared/names.mjs";
import { encryptedByPolicy, wishesFor } from "../settings.js";

/**
 * @param {import("../../types/dane-compose").UnencryptedMail} mail
 * @param {{ managed: import("../settings.js").Settings, local: import("../settings.js").Settings }} settings
 * @param {(key: string, substitutions?: string[]) => string} text
 * @returns {import("../../types/dane-compose").GuardAnswer}
 */
export function mayLeave({ senders, recipients, kind }, settings, text) {
  const names = namesInALine(recipients, text);
  const [strict] = encryptedByPolicy(recipients, settings);
  if (strict) {
    return { allowed: false, refusal: { text: text(`guard_${kind}`, [names, strict]) } };
  }
  for (const from of senders) {
    const { encrypt, unattended, byPolicy } = wishesFor(from, settings);
    if (encrypt === "required" && unattended !== "allowed") {
      return {
        allowed: false,
        refusal: {
          text: text(`guard_${kind}`, [names, from]),
          ...(byPolicy.encrypt || settings.managed.locked.includes("accounts")
            ? {}
            : { allow: { label: text("guard_allow"), from } }),
        },
      };
    }
  }
  return { allowed: true };
}
