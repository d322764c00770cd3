/** Step two: the lines for the DNS, to whoever looks after the domain. */

import { inSmallLetters } from "../../background/address.js";
import { request } from "../shared/ask.js";
import { button, copyButton, day, make, text } from "../shared/dom.js";

/** @param {import("./assistant.js").Assistant} assistant */
export async function publishStep(assistant) {
  const { address } = assistant.sender;
  const { sign, encrypt } = await assistant.account();
  if (!sign && !encrypt) {
    await assistant.go("key"); // it was deleted or has expired since somebody was sent here
    return;
  }
  const [
    { result },
    {
      result: { settings },
    },
  ] = await Promise.all([request("record", { address }), request("settings", {})]);
  const { domain, records } = result;
  const insecure = make("p", { class: "trouble", role: "status", hidden: true });
  const small = inSmallLetters(address);
  const capitals = small === address ? [] : [text("assistant_capitals", [address, small])];
  const notes = [...new Set([...capitals, ...records.flatMap(({ lints }) => lints.map(lintSentence))])];
  assistant.show(
    make("h2", {}, text("assistant_publish_title")),
    make("p", {}, text(records.length > 1 ? "assistant_publish_text_many" : "assistant_publish_text", [domain])),
    insecure,
    ...notes.map((note) => make("p", { class: "hint" }, note)),
    make(
      "div",
      { class: "card" },
      make("h3", {}, text("assistant_mail_title")),
      make("p", {}, text("assistant_mail_text")),
      button(text("assistant_mail"), () => writeToAdministrator(assistant.sender, domain, records), {
        class: "primary",
        id: "mail-lines",
      }),
    ),
    make(
      "div",
      { class: "card" },
      make("h3", {}, text("assistant_copy_title")),
      make("p", {}, text("assistant_copy_text", [domain])),
      ...records.map((record) => recordFields(record)),
      lines(records),
    ),
    ownServer(assistant, settings, { removeRetired: false }),
    make(
      "div",
      { class: "buttons end" },
      button(text("assistant_published"), () => assistant.go("check"), { class: "primary", id: "published" }),
    ),
    make("p", { class: "hint" }, text("assistant_publish_later")),
  );
  // Better now than when somebody has been asked for the entry. What else is wrong the next step says.
  const { status } = (await request("check", { address }).catch(() => null))?.result ?? {};
  if (status === "insecure") {
    insecure.hidden = false;
    insecure.textContent = text("check_insecure", [domain]);
  }
}

/** In the reader's language, where the program says what fills the gaps. @param {import("../../types/protocol").ZoneRecord["lints"][number]} lint */
function lintSentence({ code, message, values }) {
  const words = values?.map((value) => (/^\d{4}-\d\d-\d\dT/.test(value) ? day(value) : value));
  return (words && text(`lint_${code.replaceAll("-", "_")}`, words)) || message;
}

/** For the form of a provider: name, type and value apart. @param {import("../../types/protocol").ZoneRecord} record */
function recordFields({ owner_name, usage, selector, matching, data }) {
  const value = `${usage} ${selector} ${matching} ${data}`;
  const fields = make("div", { class: "fields" });
  for (const [label, words] of [
    [text("assistant_field_name"), owner_name],
    [text("assistant_field_type"), "SMIMEA (53)"],
    [text("assistant_field_value"), value],
  ]) {
    fields.append(
      make("span", {}, label),
      make("code", { title: words }, words),
      copyButton(() => words, label),
    );
  }
  return fields;
}

/** For a zone file, in both spellings. @param {import("../../types/protocol").ZoneRecord[]} records */
function lines(records) {
  const area = make("textarea", { readOnly: true, id: "lines", "aria-label": text("assistant_lines") });
  const form = make("select", { "aria-label": text("assistant_form") });
  form.add(new Option(text("assistant_form_smimea"), "smimea"));
  form.add(new Option(text("assistant_form_generic"), "generic"));
  const fill = () => {
    area.value = records.map((record) => (form.value === "generic" ? record.generic : record.smimea)).join("\n");
  };
  form.addEventListener("change", fill);
  fill();
  return make(
    "details",
    {},
    make("summary", {}, text("assistant_lines")),
    make("p", {}, form),
    area,
    make(
      "div",
      { class: "buttons" },
      copyButton(() => area.value, text("assistant_lines")),
    ),
  );
}

/**
 * For people who may change their zone themselves.
 *
 * @param {import("./assistant.js").Assistant} assistant
 * @param {import("../../types/protocol").HostSettings} settings
 * @param {{ removeRetired: boolean }} how whether the records of retired keys are taken away, too
 */
export function ownServer(assistant, settings, { removeRetired }) {
  const ownServerText = removeRetired ? "assistant_own_server_remove" : "assistant_own_server_text";
  const field = (/** @type {string} */ id, /** @type {"nsupdate_server" | "nsupdate_key"} */ name) =>
    make("input", { type: "text", id, value: settings[name] ?? "", disabled: settings.locked.includes(name) });
  const server = field("server", "nsupdate_server");
  const key = field("key-file", "nsupdate_key");
  const push = button(
    text(removeRetired ? "assistant_pull" : "assistant_push"),
    async () => {
      try {
        await request("publish", {
          address: assistant.sender.address,
          ...(server.value.trim() && { server: server.value.trim() }),
          ...(key.value.trim() && { key_file: key.value.trim() }),
          ...(removeRetired && { remove_retired: true }),
        });
        await assistant.go("check");
      } catch (error) {
        assistant.fail(error);
      }
    },
    { id: "push", type: "submit" },
  );
  return make(
    "details",
    { id: "own-server" },
    make("summary", {}, text("assistant_own_server")),
    make("p", {}, text(settings.nsupdate ? ownServerText : "assistant_no_nsupdate")),
    make(
      "form",
      { onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      make("label", {}, make("small", {}, text("assistant_server")), server),
      make("label", {}, make("small", {}, text("assistant_key_file")), key),
      make("div", { class: "buttons" }, push),
    ),
  );
}

/**
 * @param {import("./assistant.js").Assistant["sender"]} sender
 * @param {string} domain
 * @param {import("../../types/protocol").ZoneRecord[]} records
 */
async function writeToAdministrator({ address, identityId }, domain, records) {
  const smimea = records.map(({ owner_name, usage, selector, matching, data }) =>
    block(`${owner_name} IN SMIMEA ${usage} ${selector} ${matching}`, data),
  );
  const generic = records.map((record) => {
    const [, head = "", data = ""] = /^(.* )(\S+)$/.exec(record.generic) ?? [];
    return block(head.trimEnd(), data);
  });
  const lines = records.flatMap((record) => ["", record.smimea, `; ${record.generic}`]).join("\n");
  await browser.compose.beginNew({
    identityId,
    subject: text("admin_mail_subject", [address]),
    isPlainText: true,
    plainTextBody: text("admin_mail_body", [address, domain, smimea.join("\n\n"), generic.join("\n\n")]),
    attachments: [{ file: new File([`; ${address}${lines}\n`], `smimea-${domain}.txt`, { type: "text/plain" }) }],
  });
}

/** A record over several lines (RFC 1035 section 5.1), which no mail program has to break. @param {string} head @param {string} data */
function block(head, data) {
  return `${head} (\n${data.replace(/.{1,64}/g, "  $&\n")})`;
}
