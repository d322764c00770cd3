/**
 * The outer header of a mail, which Thunderbird has written and which others can read on the way. Byte strings with CRLF; pure.
 */

/** The fields that the host may hide outside (RFC 9788 section 3.2.1, hcp_baseline). It has no say in any other. */
const HIDEABLE = /^(subject|comments|keywords)$/i;

/** RFC 5322 section 2.1.1: the longest line, without the name. */
const VALUE_LENGTH = 900;

/**
 * @param {unknown} changes what the host wants of the outer header
 * @returns {string | null} what is wrong with that, in English, for the console
 */
export function changesFault(changes) {
  if (!Array.isArray(changes)) {
    return "no list of outer fields";
  }
  for (const change of changes) {
    const [name, value] = Array.isArray(change) ? change : [];
    if (typeof name !== "string" || !HIDEABLE.test(name)) {
      return `the outer field ${JSON.stringify(name)} is not the host's to change`;
    }
    if (value !== null && (typeof value !== "string" || !/^[ -~]*$/.test(value) || value.length > VALUE_LENGTH)) {
      return `no value for the outer field ${name}`;
    }
  }
  return null;
}

/**
 * @param {string} header
 * @param {[name: string, value: string | null][]} changes each field gets this value, or is left out where it is null
 */
export function withFields(header, changes) {
  const values = new Map(changes.map(([name, value]) => [name.toLowerCase(), value]));
  return fieldsOf(header)
    .map((field) => {
      const name = nameOf(field);
      const value = values.get(name);
      return value === undefined ? field : value === null ? "" : `${field.slice(0, name.length)}: ${value}\r\n`;
    })
    .join("");
}

/**
 * @param {string} header
 * @param {string[]} names in lower case
 */
export function withoutFields(header, names) {
  return fieldsOf(header)
    .filter((field) => !names.includes(nameOf(field)))
    .join("");
}

/** The fields, each with its folded lines and line ends. @param {string} header */
function fieldsOf(header) {
  return header.split(/(?<=\r\n)(?![ \t])/).filter(Boolean);
}

/** @param {string} field */
function nameOf(field) {
  return field
    .slice(0, Math.max(field.indexOf(":"), 0))
    .trimEnd()
    .toLowerCase();
}
