/* global ExtensionAPI, Services, Ci, ChromeUtils */
"use strict";

/** The experiment `danePolicies`: whether Thunderbird could read what an administrator set. Changes nothing. */
this.danePolicies = class extends ExtensionAPI {
  /** Thunderbird reads policies once; what becomes of the file later is seen at the next start. @type {boolean | null} */
  #unreadable = null;

  onStartup() {
    this.#unreadable = isUnreadable();
  }

  /** @param {any} _context */
  getAPI(_context) {
    return {
      danePolicies: {
        getState: async () => {
          this.#unreadable ??= isUnreadable();
          return { unreadable: this.#unreadable };
        },
      },
    };
  }
};

/** Not known is not unreadable: a Thunderbird without this service has no policies either. */
function isUnreadable() {
  const known = Ci.nsIEnterprisePolicies;
  if (!known || !Services.policies) {
    return false;
  }
  const { status } = Services.policies;
  return status === known.FAILED || isPassedOver() || (status === known.INACTIVE && isHalfThere());
}

/** Where one add-on's settings are no JSON, Thunderbird passes over those of all, and then looks as if it had read the file. */
function isPassedOver() {
  try {
    const { PolicyFailures } = ChromeUtils.importESModule("resource://gre/modules/PoliciesHelpers.sys.mjs");
    return "3rdparty" in PolicyFailures.getAll() && !Services.policies.getActivePolicies()?.["3rdparty"];
  } catch {
    return false;
  }
}

/** A file without a single character, as a full disk leaves it, and a link to what is not there count for Thunderbird as none. */
function isHalfThere() {
  const places = [
    ["SysConfD", "policies", "policies.json"],
    ["XREAppDist", "policies.json"],
  ];
  return places.some(([root, ...names]) => {
    try {
      const file = Services.dirsvc.get(root, Ci.nsIFile);
      for (const name of names) file.append(name);
      return file.exists() ? file.fileSize === 0 : file.isSymlink();
    } catch {
      return false; // no such file
    }
  });
}
