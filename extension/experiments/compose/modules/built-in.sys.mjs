/**
 * Keeps Thunderbird's own S/MIME and OpenPGP quiet in a window that is ours, so that one mail is never protected twice, and
 * gives it back when the window is not ours any more.
 */

const CONTROLS = ["button-encryption", "button-encryption-options", "button-signing", "encryptionMenu"];

/** True where Thunderbird itself is about to sign or encrypt. @param {any} window */
export function builtInActive(window) {
  return Boolean(window.gSendEncrypted || window.gSendSigned);
}

/** @param {any} window */
export function silenceBuiltIn(window) {
  for (const id of CONTROLS) {
    window.document.getElementById(id)?.style.setProperty("display", "none", "important");
  }
  if (!builtInActive(window)) {
    return;
  }
  // Thunderbird switches itself on for a reply to an encrypted mail, also where the account has no key of its kind.
  window.gSendEncrypted = false;
  window.gSendSigned = false;
  window.gUserTouchedSendEncrypted = true;
  window.gUserTouchedSendSigned = true;
  window.updateEncryptionDependencies?.();
  window.checkEncryptionState?.();
}

/** @param {any} window */
export function releaseBuiltIn(window) {
  for (const id of CONTROLS) {
    window.document.getElementById(id)?.style.removeProperty("display");
  }
}
