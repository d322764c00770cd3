/* global ExtensionAPIPersistent */
"use strict";

this.daneReading = class extends ExtensionAPIPersistent {
  getAPI() {
    return { daneReading: {} };
  }
};
