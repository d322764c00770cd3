/**
 * What its writer has switched, kept with a draft or template in a field of its header: inside, where the draft is encrypted. The
 * field never leaves with a mail. Pure.
 */

export const FIELD = "X-DANE-SMIME-Draft";

/** Inside an encrypted draft: its blind recipients, as a Bcc field names them. */
const BLIND_FIELD = "X-DANE-SMIME-Draft-Bcc";

/** @type {[name: string, key: "sign" | "encrypt" | "hideSubject"][]} */
const SWITCHES = [
  ["sign", "sign"],
  ["encrypt", "encrypt"],
  ["hide-subject", "hideSubject"],
];

/**
 * @param {import("../../../background/compose/choice.js").Choice | null} choice
 * @returns {string} the field's value; empty where nothing was switched
 */
export function choiceField(choice) {
  const switched = SWITCHES.filter(([, key]) => choice?.touched[key]);
  return switched.map(([name, key]) => `${name}=${choice?.[key] ? "yes" : "no"}`).join("; ");
}

/**
 * The fields that go inside an encrypted draft beside those of its header. Their being there says that all of its header is to be
 * read there: whoever keeps the draft can change what stands outside, a recipient as well as a switch.
 *
 * @param {string} switched as {@link choiceField}
 * @param {string} blind a Bcc field of the header, or empty
 * @returns {[name: string, value: string][]}
 */
export function innerFields(switched, blind) {
  return [
    [FIELD, ["header=inside", switched].filter(Boolean).join("; ")],
    ...(blind ? /** @type {[string, string][]} */ ([[BLIND_FIELD, blind]]) : []),
  ];
}

/**
 * @param {string} value of the field
 * @returns {{ sign?: boolean, encrypt?: boolean, hideSubject?: boolean }} what is not understood is left out
 */
export function parseChoiceField(value) {
  const said = new Map(value.split(";").map((part) => /** @type {[string, string]} */ (part.trim().split("="))));
  return Object.fromEntries(
    SWITCHES.filter(([name]) => /^(yes|no)$/.test(said.get(name) ?? "")).map(([name, key]) => [
      key,
      said.get(name) === "yes",
    ]),
  );
}
