/**
 * Thunderbird's converter for compose windows writes every attachment into a temporary file. While it works on
 * decrypted mail, that is a folder in memory which only this user can enter, where the system has one.
 */

const FOLDER = "dane-smime-thunderbird";

/** @returns {any} nsIFile, or null where there is no such place (not Linux): then the usual folder serves */
function privateFolder() {
  try {
    const folder = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    folder.initWithPath(Services.env.get("XDG_RUNTIME_DIR"));
    folder.append(FOLDER);
    return folder;
  } catch {
    return null;
  }
}

/**
 * Runs something synchronous with the temporary folder turned to the private one.
 *
 * @param {() => void} work
 */
export function inPrivateTemp(work) {
  const folder = privateFolder();
  try {
    if (folder && !folder.exists()) {
      folder.create(Ci.nsIFile.DIRECTORY_TYPE, 0o700);
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

/** Removes what was left there, by a crash or by a window that is still open. */
export function emptyPrivateTemp() {
  try {
    privateFolder()?.remove(true);
  } catch {
    // It is not there, or still in use.
  }
}

/** @param {any} folder nsIFile */
function turnTo(folder) {
  Services.dirsvc.undefine("TmpD");
  Services.dirsvc.set("TmpD", folder);
}
