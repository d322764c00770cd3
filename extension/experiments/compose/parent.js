/* global ExtensionAPIPersistent */
"use strict";

this.daneCompose = class extends ExtensionAPIPersistent {
  getAPI() {
    return { daneCompose: {} };
  }
};
