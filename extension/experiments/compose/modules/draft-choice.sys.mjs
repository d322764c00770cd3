/**
 * What its writer has switched, kept with a draft or template in a field of its header. The field never leaves with a mail, and
 * says nothing of who is written to or why. Pure.
 */

export const FIELD = "X-DANE-SMIME-Draft";

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
