/**
 * The user's own keys: carries what the pages ask to the host, sends the test mail, and goes on looking for records that
 * somebody was asked to publish. Holds nothing that would be missed when Thunderbird stops this page.
 */

import { explain, HostError } from "./host-error.js";
import { sendTestMail, testMailState } from "./keys/test-mail.js";
import { awaitRecord, recordSeen, startWatching } from "./keys/watch.js";

const text = browser.i18n.getMessage;

/** What pages may ask of the host, and how long each may take. Where a person enters a password: as long as that takes. */
const PATIENCE_MS = Object.freeze({
  accounts: 60_000,
  backup: 280_000,
  check: 30_000,
  configure: 10_000,
  delete: 20_000,
  export: 280_000,
  generate: 120_000,
  import: 280_000,
  install: 20_000,
  keys: 20_000,
  publish: 60_000,
  record: 20_000,
  request: 120_000,
  restore: 280_000,
  retire: 20_000,
  select: 20_000,
  settings: 10_000,
});

/** What changes which keys there are, or which of them is used. */
const CHANGING = ["configure", "delete", "generate", "import", "install", "restore", "retire", "select"];

/**
 * @param {import("./host.js").Host} host
 * @param {() => void} onChanged told when there are other keys
 */
export function startKeys(host, onChanged) {
  browser.runtime.onMessage.addListener((message) => {
    if (message?.to !== "keys") {
      return undefined; // somebody else's
    }
    return answer(host, message, onChanged).catch((error) => {
      console.error(error);
      return { error: { code: error instanceof HostError ? error.code : "internal", sentence: explain(error, text) } };
    });
  });
  startWatching(host);
}

/**
 * @param {import("./host.js").Host} host
 * @param {import("../types/messages").FromKeyPages} message
 * @param {() => void} onChanged
 */
async function answer(host, message, onChanged) {
  switch (message.what) {
    case "request": {
      const deadlineMs = PATIENCE_MS[message.type];
      if (deadlineMs === undefined) {
        throw new HostError("bad-request");
      }
      const { result, body } = await host.request(message.type, message.fields, { body: message.body, deadlineMs });
      if (message.type === "configure") {
        host.close(); // the next request starts it with the new settings
      }
      if (CHANGING.includes(message.type)) {
        onChanged();
      }
      return { result, body };
    }
    case "program":
      await host.request("keys", {}, { deadlineMs: PATIENCE_MS.keys });
      return { version: host.hello?.host ?? "" };
    case "await-record":
      return awaitRecord(message.address);
    case "record-seen":
      return recordSeen(message.address);
    case "send-test":
      return sendTestMail(message);
    case "test-state":
      return testMailState(host, message.headerMessageId);
  }
}
