/** Which messages are to be copied: gone through page by page, since Thunderbird gives out no more at a time. */

/**
 * @typedef {{ ids: number[], list: string | null } | { folders: string[] }} Source messages that were selected, with the list in
 *   which more of them come; or all of some folders
 */

/**
 * @param {Source} source
 * @param {any} mail `browser.messages`
 * @returns {AsyncGenerator<number[]>} ids, a page at a time
 */
export async function* pagesOf(source, mail) {
  if ("folders" in source) {
    for (const folder of source.folders) {
      yield* pages(await mail.list(folder), mail);
    }
    return;
  }
  yield source.ids;
  if (source.list) {
    yield* pages(await mail.continueList(source.list), mail);
  }
}

/** @param {any} list a MessageList @param {any} mail @returns {AsyncGenerator<number[]>} */
async function* pages(list, mail) {
  for (let page = list; page; page = page.id ? await mail.continueList(page.id) : null) {
    yield page.messages.map((/** @type {{ id: number }} */ { id }) => id);
  }
}
