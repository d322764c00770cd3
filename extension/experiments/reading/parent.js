/* global ExtensionAPIPersistent */
"use strict";

this.daneReading = class extends ExtensionAPIPersistent {
  onStartup() {}

  getAPI() {
    return { daneReading: {} };
  }
};
