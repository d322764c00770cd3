/**
 * Thunderbird's converter for compose windows writes every attachment into a temporary file. While it works on
 * decrypted mail, that is a folder in memory which only this user can enter, where the system has one. Each Thunderbird
 * has one of its own there: the same user may run two, and a compose window needs its files until it is closed.
 */

const PARENT = "dane-smime-thunderbird";

/** @param {string} path @returns {any} nsIFile */
function fileAt(path) {
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(path);
  return file;
}

/** @returns {any} nsIFile, or null where there is no such place (not Linux): then the usual folder serves */
function parentFolder() {
  try {
    const folder = fileAt(Services.env.get("XDG_RUNTIME_DIR"));
    folder.append(PARENT);
    return folder;
  } catch {
    return null;
  }
}

const ownName = () => String(Services.appinfo.processID);

/**
 * Runs something synchronous with the temporary folder turned to the private one.
 *
 * @param {() => void} work
 */
export function inPrivateTemp(work) {
  const folder = parentFolder();
  try {
    folder?.append(ownName());
    if (folder && !folder.exists()) {
      folder.create(Ci.nsIFile.DIRECTORY_TYPE, 0o700); // and the one around it, for this user alone too
    }
  } catch {
    work();
    return;
  }
  if (!folder) {
    work();
    return;
  }
  const usual = Services.dirsvc.get("TmpD", Ci.nsIFile);
  turnTo(folder);
  try {
    work();
  } finally {
    turnTo(usual);
  }
}

/**
 * Removes what was left there, by a crash or by a Thunderbird that has ended. While the add-on is updated, a window that is open
 * keeps its files, or its mail could neither be sent nor saved any more; Thunderbird removes them with the window.
 *
 * @param {boolean} [isAppShutdown] nobody will look at the windows of this Thunderbird again
 */
export function emptyPrivateTemp(isAppShutdown = false) {
  for (const folder of foldersLeft()) {
    try {
      if (!isNeeded(folder.leafName, isAppShutdown)) {
        folder.remove(true);
      }
    } catch {
      // Still in use: the others go all the same.
    }
  }
}

/** @returns {any[]} nsIFile */
function foldersLeft() {
  try {
    return [...(parentFolder()?.directoryEntries ?? [])];
  } catch {
    return []; // There are none yet.
  }
}

/** @param {string} name @param {boolean} isAppShutdown */
function isNeeded(name, isAppShutdown) {
  if (name === ownName()) {
    return !isAppShutdown && Services.wm.getMostRecentWindow("msgcompose") !== null;
  }
  return /^[0-9]+$/.test(name) && fileAt(`/proc/${name}`).exists();
}

/** @param {any} folder nsIFile */
function turnTo(folder) {
  Services.dirsvc.undefine("TmpD");
  Services.dirsvc.set("TmpD", folder);
}
