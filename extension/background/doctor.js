/** The settings page asks whether all is well; the host looks. What it cannot know is added: policies as Thunderbird read them. */

import { explain } from "./host-error.js";
import { problemSentence } from "./policy.js";
import { readSettings } from "./settings.js";

/** The host asks the DNS and the keyring meanwhile. */
const DOCTOR_MS = 45_000;

const text = browser.i18n.getMessage;

/** @param {import("./host.js").Host} host */
export function startDoctor(host) {
  browser.runtime.onMessage.addListener((message) => (message?.to === "doctor" ? examine(host) : undefined));
}

/**
 * @param {import("./host.js").Host} host
 * @returns {Promise<import("../types/messages").Examination>}
 */
async function examine(host) {
  const { problems } = await readSettings();
  /** @type {import("../types/messages").Examination["findings"]} */
  const findings = problems.map((problem) => ({
    state: "not-ok",
    text: problemSentence(problem),
    advice: text("policy_wrong"),
  }));
  try {
    const accounts = [...new Set((await identities()).filter((address) => address.includes("@")))];
    const { result } = await host.request("doctor", { accounts }, { deadlineMs: DOCTOR_MS });
    const version = browser.runtime.getManifest().version;
    return {
      findings: [...findings, ...result.checks.map(inReadersLanguage)],
      report: `add-on ${version}, ${navigator.userAgent}\n${result.report}`,
    };
  } catch (error) {
    console.error(error);
    return { findings: [{ state: "not-ok", text: explain(error, text), advice: "" }, ...findings], report: "" };
  }
}

async function identities() {
  const accounts = await browser.accounts.list(false);
  return accounts.flatMap((account) => account.identities.map(({ email }) => email ?? ""));
}

/** @param {import("../types/protocol").DoctorCheck} check */
export function inReadersLanguage({ state, code, values, advice_values: written, text: english, advice }) {
  const key = `doctor_${code.replaceAll("-", "_")}`;
  return {
    state,
    text: text(key, values) || english,
    advice: advice && (text(`${key}_do`, written) || advice),
  };
}
