/** A policy that says what is not understood is told, not ignored: to the user once at each start, in words for who wrote it. */

import { readSettings } from "./settings.js";

const text = browser.i18n.getMessage;

/** One notification, whatever is wrong. */
const NOTIFICATION = "policy";

export function startPolicy() {
  // The event page starts often; Thunderbird starts once.
  browser.runtime.onStartup.addListener(tellProblems);
  browser.runtime.onInstalled.addListener(tellProblems);
}

async function tellProblems() {
  const { problems } = await readSettings();
  if (problems.length === 0) {
    return;
  }
  const sentences = problems.map(problemSentence);
  console.error(`The policy for DANE S/MIME is wrong: ${sentences.join(" ")}`);
  await browser.notifications.create(NOTIFICATION, {
    type: "basic",
    title: text("policy_wrong_title"),
    message: [text("policy_wrong"), ...sentences].join("\n"),
  });
}

/** @param {import("./settings.js").Problem} problem @returns {string} */
export function problemSentence({ key, what }) {
  return text(`policy_${what.replaceAll("-", "_")}`, [key || "{}"]);
}
