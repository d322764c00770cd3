/** The message list in its table view: many mails at once, what the column of the add-on shows, sorting by it. */

/**
 * Puts many messages into one local folder at once.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} name of a folder, made if it is not there
 * @param {string[]} messages byte strings
 */
export function fill(tb, name, messages) {
  return tb.chrome(
    async (folderName, all) => {
      const root = MailServices.accounts.localFoldersServer.rootFolder.QueryInterface(Ci.nsIMsgLocalMailFolder);
      const there = root.containsChildNamed(folderName);
      const folder = there ? root.getChildNamed(folderName) : root.createLocalSubfolder(folderName);
      folder.QueryInterface(Ci.nsIMsgLocalMailFolder);
      for (let at = 0; at < all.length; at += 500) {
        folder.addMessageBatch(all.slice(at, at + 500));
        await sleep(0);
      }
    },
    name,
    messages,
  );
}

/**
 * Opens a local folder in the three-pane window, as a table.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @param {string} name
 */
export function openTable(tb, name) {
  return tb.chrome(async (folderName) => {
    Services.prefs.setIntPref("mail.threadpane.listview", 1);
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed(folderName);
    about3Pane.displayFolder(folder.URI);
    await until("the folder", () => about3Pane.gFolder === folder && about3Pane.gDBView?.rowCount);
  }, name);
}

/**
 * What the add-on's column shows of the rows on the screen. The tree draws more rows ahead when it has time, at most a
 * hundred or so: these are left out.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 * @returns {Promise<{subject: string, mark: string, title: string}[]>} from the top; `mark`: empty for no icon
 */
export function marks(tb) {
  return tb.chrome(() => {
    const { threadTree } = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    const { top, bottom } = threadTree.getBoundingClientRect();
    const rows = [...threadTree.querySelectorAll("tr.table-row, tr")].filter((row) => {
      const place = row.getBoundingClientRect();
      return row.index !== undefined && place.bottom > top && place.top < bottom;
    });
    return rows
      .sort((a, b) => a.index - b.index)
      .map((row) => {
        const icons = [...row.querySelectorAll(".danesmimecol-column img:not([hidden])")];
        return {
          subject: row.querySelector(".subject-line span, .subjectcol-column")?.textContent.trim() ?? "",
          mark: icons.map((icon) => icon.dataset.cellIconId.replace(/_$/, "")).join("+"),
          title: icons.map((icon) => icon.title).join("+"),
        };
      });
  });
}

/**
 * Sorts by the add-on's column, as a click on its head does.
 *
 * @param {import("./thunderbird.mjs").Thunderbird} tb
 */
export function sortByMark(tb) {
  return tb.chrome(() => {
    const about3Pane = mainWindow().document.getElementById("tabmail").currentAbout3Pane;
    const header = about3Pane.document.getElementById("daneSmimeCol");
    header.querySelector("button").click();
  });
}
