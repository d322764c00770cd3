/**
 * What is attached out of another message (dragged into the window) is fetched only when Thunderbird builds the mail. Of an
 * encrypted one that cannot be opened then, because the program is gone or the keyring locked, Thunderbird gets nothing, and would
 * send or save that as the file. An error in its place keeps the mail, with Thunderbird's own words.
 */

const { MimePart } = ChromeUtils.importESModule("resource:///modules/MimePart.sys.mjs");

/** @param {import("../../shared/wraps.mjs").Wraps} wraps */
export function refuseMissingParts(wraps) {
  wraps.wrap(MimePart.prototype, "_fetchAttachment", async (part, original) => {
    const content = await original();
    const { url, size } = part._bodyAttachment;
    if (content.length === 0 && size > 0 && /[?&]part=/.test(url)) {
      throw new Error("DANE S/MIME: nothing came of what is attached out of another message");
    }
    return content;
  });
}
