/**
 * What can go wrong between the add-on and its program, as a code; words come from `_locales`.
 */

/**
 * A request to the host that failed. `code` is one of the host's words (native-host/PROTOCOL.md) or one of ours:
 *
 * - `host-missing`: Thunderbird found no program registered under our name, or could not start it
 * - `host-gone`: the program ended before it had answered
 * - `host-timeout`: the program did not answer in time; the connection was given up
 * - `host-broken`: the program answered what no honest host says
 * - `protocol-mismatch`: add-on and program have no version of the protocol in common
 * - `cancelled`: the caller cancelled
 */
export class HostError extends Error {
  /**
   * @param {string} code
   * @param {string} [message] the host's own English sentence, shown where `_locales` has no text for the code
   * @param {Record<string, unknown>} [details] further fields of the answer, such as `recipients`
   */
  constructor(code, message = "", details = {}) {
    super(message || code);
    this.name = "HostError";
    this.code = code;
    /** The host's own sentence, or an empty string. */
    this.hostMessage = message;
    this.details = details;
  }
}

/**
 * The sentence a person reads: what happened and what to do, in their language where `_locales` has
 * `error_<code with _>`, else the host's own English.
 *
 * @param {unknown} error
 * @param {(key: string, substitutions?: string[]) => string} getMessage `browser.i18n.getMessage`: an empty string for an unknown key;
 *   the host's own sentence goes into the gap of a text that has one
 * @returns {string}
 */
export function explain(error, getMessage) {
  if (!(error instanceof HostError)) {
    return getMessage("error_internal");
  }
  // With a mismatch of versions the host says which of the two is the older; of a file, in what way it would not do.
  const more = [error.details.update, error.details.file].filter((word) => typeof word === "string");
  const key = `error_${[error.code, ...more].join("-").replaceAll("-", "_")}`;
  return getMessage(key, [error.hostMessage]) || error.hostMessage || getMessage("error_internal");
}

/** Whether the same request has to be made with chunks, because the host does not take its body from a file. @param {unknown} error */
export function isFileRefused(error) {
  return error instanceof HostError && error.code === "body-file-refused";
}
