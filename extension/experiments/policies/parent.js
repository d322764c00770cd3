/* global ExtensionAPI, Services, Ci */
"use strict";

/** The experiment `danePolicies`: whether Thunderbird could read what an administrator set. Changes nothing. */
this.danePolicies = class extends ExtensionAPI {
  /** @param {any} _context */
  getAPI(_context) {
    return {
      danePolicies: { getState: async () => ({ unreadable: isUnreadable() }) },
    };
  }
};

/** Not known is not unreadable: a Thunderbird without this service has no policies either. */
function isUnreadable() {
  const failed = Ci.nsIEnterprisePolicies?.FAILED;
  return failed !== undefined && Services.policies?.status === failed;
}
