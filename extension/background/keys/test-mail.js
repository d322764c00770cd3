/** A mail to oneself that shows that all of it works: sent as every other, and opened when it has come back. */

const text = browser.i18n.getMessage;

const OPEN_MS = 30_000;

/** Folders in which a mail lies that has not come back. */
const NOT_ARRIVED = ["sent", "drafts", "outbox", "templates", "archives"];

/**
 * Writes and sends it, signed and encrypted as every mail of this sender. Where something is in the way, the compose window
 * has asked or said what; it stays open where its writer has not closed it.
 *
 * @param {{ address: string, identityId: string }} sender
 * @returns {Promise<{ headerMessageId: string }>} empty: it was not sent
 */
export async function sendTestMail({ address, identityId }) {
  const tab = await browser.compose.beginNew({
    to: [address],
    identityId,
    subject: text("test_mail_subject"),
    isPlainText: true,
    plainTextBody: text("test_mail_body", [address]),
  });
  try {
    const { headerMessageId } = await browser.compose.sendMessage(tab.id ?? -1, { mode: "sendNow" });
    return { headerMessageId: headerMessageId ?? "" };
  } catch (error) {
    console.error(error);
    return { headerMessageId: "" };
  }
}

/**
 * Whether the mail has come back, and what the host says of it.
 *
 * @param {import("../host.js").Host} host
 * @param {string} headerMessageId
 * @returns {Promise<{ messageId?: number, verdict?: import("../../types/protocol").Verdict }>} nothing while it is under way
 */
export async function testMailState(host, headerMessageId) {
  const { messages } = /** @type {{ messages: { id: number, folder?: any }[] }} */ (
    await browser.messages.query({ headerMessageId })
  );
  const arrived = messages.find(
    ({ folder }) => !folder?.specialUse?.some((/** @type {string} */ use) => NOT_ARRIVED.includes(use)),
  );
  if (!arrived) {
    return {};
  }
  const file = /** @type {File} */ (await browser.messages.getRaw(arrived.id, { data_format: "File" }));
  const { result } = await host.request(
    "open",
    {},
    { body: new Uint8Array(await file.arrayBuffer()), deadlineMs: OPEN_MS },
  );
  return { messageId: arrived.id, verdict: result.verdict };
}
